/** Seeds as values, and the generators they name. */
import type { Shape } from '../core/shape.ts'
import { ConfigError } from '../errors.ts'
import { philoxGenerator } from './philox.ts'
import { torchGenerator } from './torch-generator.ts'

/** The element types that floats are drawn in. 16-bit draws come back as float32 numbers, rounded to the type. */
export type DrawType = 'f32' | 'f64' | 'f16' | 'bf16'

/** How values are drawn. */
export type RandomOptions = {
  readonly dtype?: DrawType
  /** A tensor that is not contiguous in torch is filled value by value, whatever its size. */
  readonly contiguous?: boolean
}

/** A stream of random numbers in some position. Drawing moves it; `clone` first to keep the position. */
export interface Generator {
  /** Standard normals, as `torch.randn`. */
  readonly randn: (shape: Shape, options?: RandomOptions) => Float32Array | Float64Array
  /** Uniforms in [0, 1), as `torch.rand`. */
  readonly rand: (shape: Shape, options?: RandomOptions) => Float32Array | Float64Array
  /** Integers from `low` up to but not including `high`, as `torch.randint`. */
  readonly randint: (low: number | bigint, high: number | bigint, shape: Shape) => BigInt64Array
  /** A permutation of 0 … n − 1, as `torch.randperm`. */
  readonly randperm: (n: number) => BigInt64Array
  /** Another generator in the same position. */
  readonly clone: () => Generator
}

/** The name of a stream: `torch` is `torch.manual_seed(n)` on the CPU, `torch-cuda` the same on a GPU. A plain value. */
export type Seed = { readonly kind: 'torch' | 'torch-cuda'; readonly value: bigint }

const whole = (n: number | bigint): bigint => {
  if (typeof n === 'number' && !Number.isSafeInteger(n))
    throw new ConfigError('seed', String(n), ['a whole number'], 'is no seed')
  const value = BigInt(n)
  if (value < -(2n ** 63n) || value >= 2n ** 64n)
    throw new ConfigError('seed', `${n}`, ['−2⁶³ … 2⁶⁴ − 1'], 'is no seed')
  return BigInt.asUintN(64, value)
}

/** `torch.manual_seed(n)` on the CPU: the default generator. The same n gives the pictures that Python gives. Throws `ConfigError`. */
export const seed = (n: number | bigint = 0): Seed => ({ kind: 'torch', value: whole(n) })

/** `torch.Generator('cuda').manual_seed(n)`: Philox, emulated after the published algorithm. Normals only. Throws `ConfigError`. */
export const cudaSeed = (n: number | bigint = 0): Seed => ({ kind: 'torch-cuda', value: whole(n) })

/** A fresh generator at the start of a seed's stream. */
export const generatorOf = (s: Seed): Generator => {
  switch (s.kind) {
    case 'torch':
      return torchGenerator(s.value)
    case 'torch-cuda':
      return philoxGenerator(s.value)
  }
}
