import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { capabilitiesOfClass } from '../../../src/backend/webgpu/classes.ts'
import type { PlainAttentionKernel } from '../../../src/codegen/kernel.ts'
import { attentionVariants, type AttentionVariant } from '../../../src/codegen/wgsl/attention.ts'
import type { Capabilities } from '../../../src/codegen/wgsl/shader.ts'
import { attentionCase } from '../../support/arbitrary-attention.ts'
import { softwareAdapter } from '../../support/software-adapter.ts'
import { agree, agreeAs } from './agreement.ts'

const missing = softwareAdapter()

/** The tile that a GPU is given first. */
const tiles = (k: PlainAttentionKernel, caps: Capabilities): readonly AttentionVariant[] =>
  attentionVariants(k, { ...caps, adapter: 'gpu' }).slice(0, 1)

describe.skipIf(missing !== undefined)('WGSL of attention', () => {
  it('gives what it means', () => agree(attentionCase, 15))
  it('gives what it means on tiles in workgroup memory', () => agreeAs(attentionCase, tiles, 5))
  it('gives what it means of operands cut into windows', () => agree(attentionCase, 4, 1e-5, true))
})

const numbers = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(seed + 1.7 * i) + 0.3)

/** Two pictures, heads side by side, queries made of normalised rows. */
const projected = (heads: number, rows: number, keys: number, depth: number, inner: number, plain: boolean) => {
  const n = heads * depth
  const side = (operand: number, length: number) => ({
    operand,
    offset: 0,
    batch: [length * n, depth],
    row: n,
    column: 1,
  })
  const kernel: PlainAttentionKernel = {
    _tag: 'PlainAttention',
    batch: [2, heads],
    rows,
    keys,
    depth,
    features: depth,
    scale: 0.5,
    q: { operand: 1, offset: 0, batch: [rows * inner, 0], row: inner, column: 1 },
    k: side(2, keys),
    v: side(3, keys),
    out: side(0, rows),
    mask: undefined,
    project: {
      inner,
      w: { operand: 4, offset: 0, batch: [0, depth], row: n, column: 1 },
      ...(plain
        ? {}
        : {
            bias: { operand: 5, offset: 0, batch: [0, depth], row: 0, column: 1 },
            norm: { centred: true, eps: 1e-5 },
          }),
    },
  }
  const lengths = [2 * rows * n, 2 * rows * inner, 2 * keys * n, 2 * keys * n, inner * n, ...(plain ? [] : [n])]
  return { kernel, elements: lengths.map(() => 'f32' as const), operands: lengths.map(numbers) }
}

/** Rows as they are, far from 0. */
const far = (k: ReturnType<typeof projected>) => ({
  ...k,
  operands: k.operands.map((xs, i) => (i === 1 ? xs.map((x) => x + 50) : xs)),
})

describe.skipIf(missing !== undefined)('WGSL of attention that makes its queries', () => {
  const some = [
    projected(2, 9, 7, 10, 20, false),
    projected(8, 16, 77, 10, 80, false),
    projected(1, 5, 3, 12, 12, true),
    projected(2, 33, 20, 40, 24, false),
  ]
  it('gives what it means', () => agree(fc.constantFrom(...some), 4))
  it('gives what it means on tiles in workgroup memory', async () => {
    const more = [
      far(some[1]!),
      far(some[3]!),
      projected(1, 70, 5, 80, 18, false),
      projected(3, 40, 9, 96, 33, true),
      projected(2, 10, 6, 20, 32, false),
    ]
    // Depths in one part and in several, one query and two, K in whole pieces and not.
    for (const k of [...some, ...more]) await agreeAs(fc.constant(k), tiles, 1)
    await agreeAs(fc.constant(some[3]!), (k, caps) => attentionVariants(k, { ...caps, adapter: 'gpu' }).slice(1, 2), 1)
  })
})

describe('attention that makes its queries, on a GPU', () => {
  const ways = (...[rows, depth, inner]: readonly [number, number, number]): number =>
    attentionVariants(projected(8, rows, 7, depth, inner, false).kernel, capabilitiesOfClass.gpu).length
  it('is for few multiplications, or for many workgroups', () => {
    expect(ways(64, 40, 320)).toBeGreaterThan(0)
    expect(ways(4096, 40, 320)).toBeGreaterThan(0)
    // The innermost level of Stable Diffusion 1.5: 32 workgroups would be long at it.
    expect(ways(64, 160, 1280)).toBe(0)
  })
})

describe.skipIf(missing !== undefined)('WGSL of attention in one deep head', () => {
  it('gives what it means', () => {
    const { kernel, elements, operands } = projected(1, 5, 4, 520, 520, true)
    const { project: _, ...plain } = kernel
    const first = (k: PlainAttentionKernel, caps: Capabilities): readonly AttentionVariant[] =>
      attentionVariants(k, caps).slice(0, 1)
    return agreeAs(fc.constant({ kernel: plain, elements, operands }), first, 1)
  })
})
