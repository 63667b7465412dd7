/** Kernels as WGSL: which ways there are, and the code of each. */
import type { Kernel } from '../kernel.ts'
import { attentionShader, attentionVariants, type AttentionVariant } from './attention.ts'
import { gemmShader, gemmVariants, type GemmVariant } from './gemm.ts'
import { mapShader, mapVariants, type MapVariant } from './map.ts'
import { normaliseShader, normaliseVariants, type NormaliseVariant } from './normalise.ts'
import { reduceShader, reduceVariants, type ReduceVariant } from './reduce.ts'
import { sortShader, sortVariants, type SortVariant } from './sort.ts'
import type { Capabilities, Shader, Use } from './shader.ts'
import { winogradShader, winogradVariants, type WinogradVariant } from './winograd.ts'

/** A way to compute a kernel. */
export type Variant =
  MapVariant | ReduceVariant | GemmVariant | NormaliseVariant | WinogradVariant | AttentionVariant | SortVariant

/** The ways there are to compute a kernel on such an adapter, best guess first. */
export const variantsOf = (k: Kernel, caps: Capabilities): readonly Variant[] => {
  switch (k._tag) {
    case 'Map':
      return mapVariants(k)
    case 'Reduce':
      return reduceVariants(k, caps)
    case 'PlainAttention':
      return attentionVariants(k, caps)
    case 'Normalise':
      return normaliseVariants(k, caps)
    case 'WinogradWeight':
    case 'WinogradInput':
    case 'WinogradOutput':
      return winogradVariants(k)
    case 'Gemm':
      return gemmVariants(k, caps)
    case 'Sort':
      return sortVariants(k, caps)
    case 'Moments':
      return []
  }
}

const unknown = (k: Kernel, variant: Variant): Error =>
  new Error(`${k._tag} cannot be computed as ${JSON.stringify(variant)}`)

/** The code of a kernel, given what it may do with its operands; `variant` is one of `variantsOf`. */
export const shaderOf = (k: Kernel, access: readonly Use[], variant: Variant, caps: Capabilities): Shader => {
  switch (k._tag) {
    case 'Map':
      if (variant.family !== 'Map') throw unknown(k, variant)
      return mapShader(k, access, variant, caps)
    case 'Reduce':
      if (variant.family !== 'Reduce') throw unknown(k, variant)
      return reduceShader(k, access, variant, caps)
    case 'PlainAttention':
      if (variant.family !== 'PlainAttention') throw unknown(k, variant)
      return attentionShader(k, access, variant, caps)
    case 'Normalise':
      if (variant.family !== 'Normalise') throw unknown(k, variant)
      return normaliseShader(k, access, variant, caps)
    case 'WinogradWeight':
    case 'WinogradInput':
    case 'WinogradOutput':
      if (variant.family !== 'Winograd') throw unknown(k, variant)
      return winogradShader(k, access, variant, caps)
    case 'Gemm':
      if (variant.family !== 'Gemm') throw unknown(k, variant)
      return gemmShader(k, access, variant, caps)
    case 'Sort':
      if (variant.family !== 'Sort') throw unknown(k, variant)
      return sortShader(k, access, variant, caps)
    case 'Moments':
      throw unknown(k, variant)
  }
}
