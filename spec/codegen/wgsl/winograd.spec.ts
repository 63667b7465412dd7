import fc from 'fast-check'
import { describe, it } from 'vitest'
import type {
  Expr,
  Load,
  MapKernel,
  WinogradInputKernel,
  WinogradOutputKernel,
  WinogradWeightKernel,
} from '../../../src/codegen/kernel.ts'
import { toHalf } from '../../../src/core/dtype.ts'
import { softwareAdapter } from '../../support/software-adapter.ts'
import { agree } from './agreement.ts'

const missing = softwareAdapter()

const values = (length: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898) * 2 - 0.3 * Math.cos(i))

const shape = fc.record({
  size: fc.constantFrom(2 as const, 4 as const),
  batch: fc.integer({ min: 1, max: 2 }),
  tiles: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  channels: fc.constantFrom(1, 3, 4, 8, 20),
  apart: fc.constantFrom(0, 1, 32),
})

const input = shape.map(({ size, batch, tiles, channels, apart }) => {
  const [high, wide] = [tiles[0] * size + 2, tiles[1] * size + 2]
  const plane = batch * tiles[0] * tiles[1] * channels + apart
  const strides = [high * wide * channels, wide * channels, channels] as const
  const kernel: WinogradInputKernel = {
    _tag: 'WinogradInput',
    size,
    batch,
    tiles,
    channels,
    x: { offset: apart, strides },
    plane,
  }
  const operands = [new Float32Array((size + 2) ** 2 * plane), values(apart + batch * strides[0])]
  return { kernel, elements: ['f32', 'f32'] as const, operands }
})

const output = fc.record({ s: shape, fused: fc.boolean() }).map(({ s, fused }) => {
  const { size, batch, tiles, channels, apart } = s
  const plane = batch * tiles[0] * tiles[1] * channels + apart
  const dims = [batch, tiles[0] * size, tiles[1] * size, channels]
  const length = dims.reduce((a, b) => a * b, 1)
  const load = (operand: number, strides: readonly number[]): Load => ({
    _tag: 'Load',
    operand,
    element: 'f32',
    offset: 0,
    strides,
    picks: [],
  })
  const op = (name: 'add' | 'silu', ...xs: readonly Expr[]): Expr => ({
    _tag: 'Op',
    op: name,
    dtype: 'f32',
    type: 'f32',
    xs,
  })
  // silu(product + bias) + residual, stored channels first.
  const area = dims[1]! * dims[2]!
  const first = [area * channels, dims[2]!, 1, area]
  const epilogue: MapKernel = {
    _tag: 'Map',
    dims,
    value: op('add', op('silu', op('add', load(0, [0, 0, 0, 1]), load(2, [0, 0, 0, 1]))), load(3, first)),
    out: { operand: 0, element: 'f32', offset: 0, strides: first },
  }
  const kernel: WinogradOutputKernel = {
    _tag: 'WinogradOutput',
    size,
    batch,
    tiles,
    channels,
    plane,
    epilogue: fused ? epilogue : undefined,
  }
  const all = [new Float32Array(length), values((size + 2) ** 2 * plane), values(channels), values(length)]
  const operands = fused ? all : all.slice(0, 2)
  return { kernel, elements: operands.map(() => 'f32' as const), operands }
})

const weight = fc
  .record({
    size: fc.constantFrom(2 as const, 4 as const),
    n: fc.integer({ min: 1, max: 20 }),
    depth: fc.integer({ min: 1, max: 6 }),
    width: fc.constantFrom(4, 8, 16),
    element: fc.constantFrom('f32' as const, 'f16' as const),
  })
  .map(({ size, n, depth, width, element }) => {
    const strides = [depth * 9, 9, 3, 1]
    const kernel: WinogradWeightKernel = {
      _tag: 'WinogradWeight',
      size,
      n,
      depth,
      width,
      w: { _tag: 'Load', operand: 1, element, offset: 0, strides, picks: [] },
    }
    const w = values(n * depth * 9)
    const stored = element === 'f16' ? Uint16Array.from(w, toHalf) : w
    const out = new Float32Array((size + 2) ** 2 * Math.ceil(n / width) * depth * width)
    return { kernel, elements: ['f32', element] as const, operands: [out, stored] }
  })

describe.skipIf(missing !== undefined)("WGSL of Winograd's transforms", () => {
  it('gives tiles of the image', () => agree(input, 30))
  it('gives pixels, finished by an epilogue or not', () => agree(output, 40))
  it('gives weights as panels', () => agree(weight, 30))
})
