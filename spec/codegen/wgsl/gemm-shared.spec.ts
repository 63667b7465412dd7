import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GemmKernel } from '../../../src/codegen/kernel.ts'
import { gemmVariants, type GemmVariant } from '../../../src/codegen/wgsl/gemm.ts'
import { sharedTiles } from '../../../src/codegen/wgsl/gemm-shared.ts'
import { layoutOf } from '../../../src/codegen/wgsl/shared-tile.ts'
import type { Capabilities } from '../../../src/codegen/wgsl/shader.ts'
import { softwareAdapter } from '../../support/software-adapter.ts'
import { agreeAs } from './agreement.ts'
import { arbitraryRecipe, productCase, productOf, type Recipe } from './products.ts'

const missing = softwareAdapter()

const plain: Recipe = {
  batch: [],
  rows: [1, 64, 64],
  n: 320,
  width: 16,
  depths: [320],
  kind: ['plain', 'plain', 'plain'],
  magnify: 1,
  planes: false,
  stride: 1,
  epilogue: 'bias',
  element: 'f32',
}

const gpu: Capabilities = {
  subgroups: false,
  subgroupSize: 0,
  f16: false,
  maxInvocations: 256,
  maxWorkgroupStorage: 16384,
  maxStorageBuffers: 8,
  maxBinding: 2 ** 27,
  adapter: 'gpu',
}

describe('tiles in workgroup memory', () => {
  const first = (r: Partial<Recipe>, caps: Partial<Capabilities> = {}) =>
    sharedTiles(productOf({ ...plain, ...r }).kernel, { ...gpu, ...caps })[0]!
  it('are large where there are many, and slices of a long K where there are few', () => {
    expect(layoutOf(first({})).lines).toBe(128)
    expect(first({ rows: [2, 8, 8], depths: [2880] }).slices).toBe(16)
    expect(layoutOf(first({ rows: [1, 1, 2], n: 1280, depths: [1280] })).lines).toBe(4)
    expect(layoutOf(first({ rows: [1, 256, 256], n: 4 })).columns).toBe(1)
  })
  it('fit into the memory and the workgroups of every adapter', () => {
    for (const maxInvocations of [128, 256])
      for (const t of sharedTiles(productOf(plain).kernel, { ...gpu, maxInvocations })) {
        expect(layoutOf(t).invocations).toBeLessThanOrEqual(maxInvocations)
        expect(16 * layoutOf(t).vectors).toBeLessThanOrEqual(16384)
      }
  })
  it('are the first guess on a GPU, and there to be measured elsewhere', () => {
    const { kernel } = productOf(plain)
    expect(gemmVariants(kernel, gpu)[0]!.way).toBe('shared')
    expect(gemmVariants(kernel, { ...gpu, adapter: 'swiftshader' }).map((v) => v.way)).toContain('shared')
  })
})

describe.skipIf(missing !== undefined)('WGSL of products in workgroup memory', () => {
  const variants = (k: GemmKernel): readonly GemmVariant[] =>
    sharedTiles(k, gpu).map((tile) => ({ family: 'Gemm', way: 'shared', tile }))
  // One tile for each, lest compiling takes all the time.
  const one = (k: GemmKernel): readonly GemmVariant[] => {
    const all = variants(k).toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))
    return [all[(k.n + k.rows.reduce((a, b) => a + b, 0)) % all.length]!]
  }
  it(
    'gives what they mean, by tiles of all kinds',
    () => agreeAs(arbitraryRecipe([4, 8, 16, 40, 64]).map(productCase), one, 12),
    240_000,
  )
  it('keeps rows apart whose mean is large', () => {
    const recipe: Recipe = { ...plain, rows: [1, 5, 7], n: 24, depths: [64], kind: ['norm', 'plain', 'plain'] }
    const made = productCase(recipe)
    const operands = made.operands.map((o, i) => (i === 2 ? o.map((x) => x + 1000) : o)) as typeof made.operands
    return agreeAs(fc.constant({ ...made, operands }), variants, 1, 1e-3)
  })
})
