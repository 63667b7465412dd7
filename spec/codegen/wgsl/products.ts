/** Products made up for the specs, with their operands. */
import fc from 'fast-check'
import { toBrain, toHalf } from '../../../src/core/dtype.ts'
import type { Element, Expr, GemmKernel, Load, MapKernel, Term } from '../../../src/codegen/kernel.ts'
import { depthOf } from '../../../src/codegen/kernel.ts'
import { size, strides } from '../../../src/core/shape.ts'
import { storageOf, type Typed } from '../../support/arbitrary-kernel.ts'

/** A product, and how long its operands are. */
export type Product = { readonly kernel: GemmKernel; readonly lengths: readonly number[] }

const op = (name: 'add' | 'mul' | 'silu' | 'gelu', ...xs: readonly Expr[]): Expr => ({
  _tag: 'Op',
  op: name,
  dtype: 'f32',
  type: 'f32',
  xs,
})

const load = (operand: number, by: readonly number[], offset = 0): Load => ({
  _tag: 'Load',
  operand,
  element: 'f32',
  offset,
  strides: by,
  picks: [],
})

/** How a product is made up. */
export type Recipe = {
  readonly batch: readonly number[]
  readonly rows: readonly [number, number, number]
  readonly n: number
  readonly width: number
  readonly depths: readonly number[]
  readonly kind: readonly ('plain' | 'segments' | 'norm' | 'rms' | 'window')[]
  readonly magnify: number
  readonly planes: boolean
  readonly stride: number
  readonly epilogue: 'none' | 'bias' | 'residual' | 'paired'
  readonly element: 'f32' | 'f16' | 'bf16'
}

const windowTerm = (r: Recipe, operand: number, channels: number): { readonly term: Term; readonly length: number } => {
  const [pictures, height, width] = r.rows
  const extent = [height * r.stride + 1, width * r.stride] as const
  const held = extent.map((e) => Math.ceil(e / r.magnify)) as [number, number]
  // Channels side by side, or a plane each.
  const by: readonly [number, number, number] = r.planes
    ? [held[1], 1, held[0] * held[1]]
    : [held[1] * (channels + 1), channels + 1, 1]
  const picture = held[0] * held[1] * (channels + 1)
  const kernel = [3, 2] as const
  return {
    term: {
      operand,
      a: { offset: 3, batch: r.batch.map(() => 0), rows: [picture, 0, 0] },
      segments: [{ length: kernel[0] * kernel[1] * channels, jump: 0 }],
      window: {
        kernel,
        channels,
        stride: [r.stride, r.stride],
        dilation: [1, 2],
        before: [1, 1],
        extent,
        magnify: [r.magnify, r.magnify],
        strides: by,
      },
    },
    length: 3 + pictures * picture,
  }
}

const rowTerm = (
  r: Recipe,
  operand: number,
  depth: number,
  kind: 'plain' | 'segments' | 'norm' | 'rms',
): { readonly term: Term; readonly length: number } => {
  const lines = size(r.rows)
  const segments =
    kind === 'segments'
      ? [
          { length: depth, jump: 2 },
          { length: depth + 1, jump: 1 },
          { length: depth, jump: 0 },
        ]
      : [{ length: depth, jump: 0 }]
  const reach = segments.reduce((sum, s) => sum + s.length + s.jump, 0)
  const row = kind === 'segments' ? 5 : depth + 1
  const each = lines * row + reach
  const by = strides(r.batch).map((s) => s * each)
  const rows = strides(r.rows).map((s) => s * row)
  const norm = kind === 'norm' || kind === 'rms' ? { norm: { centred: kind === 'norm', eps: 1e-5 } } : {}
  return { term: { operand, a: { offset: 1, batch: by, rows }, segments, ...norm }, length: 1 + size(r.batch) * each }
}

const epilogueOf = (r: Recipe, next: number): { readonly map: MapKernel | undefined; readonly lengths: number[] } => {
  if (r.epilogue === 'none') return { map: undefined, lengths: [] }
  const lines = size(r.batch) * size(r.rows)
  if (r.epilogue === 'paired') {
    const half = r.n / 2
    const product = (offset: number): Load => load(0, [r.n, 2], offset)
    const value = op('mul', op('add', product(0), load(next, [0, 1])), op('gelu', product(1)))
    const out = { operand: 0, element: 'f32', offset: 0, strides: [half, 1] } as const
    return { map: { _tag: 'Map', dims: [lines, half], value, out }, lengths: [half] }
  }
  const [, height, width] = r.rows
  const pictures = lines / (height * width)
  const dims = [pictures, height * width, r.n]
  const by = strides(dims)
  const biased = op('silu', op('add', load(0, by), load(next, [0, 0, 1])))
  if (r.epilogue === 'bias')
    return {
      map: { _tag: 'Map', dims, value: biased, out: { operand: 0, element: 'f32', offset: 0, strides: by } },
      lengths: [r.n],
    }
  // Added to a value of every picture and to a residual; stored with columns first.
  const value = op('add', op('add', biased, load(next + 1, [r.n, 0, 1])), load(next + 2, [by[0]!, 1, height * width]))
  const out = { operand: 0, element: 'f32', offset: 2, strides: [by[0]! + 2, 1, height * width] } as const
  return { map: { _tag: 'Map', dims, value, out }, lengths: [r.n, pictures * r.n, lines * r.n] }
}

/** The product of a recipe. */
export const productOf = (r: Recipe): Product => {
  const terms = r.depths.map((depth, i) => {
    const kind = r.kind[i]!
    return kind === 'window' ? windowTerm(r, 2 + i, depth) : rowTerm(r, 2 + i, depth, kind)
  })
  const { map, lengths } = epilogueOf(r, 2 + terms.length)
  const lines = size(r.batch) * size(r.rows)
  const c = strides([...r.batch, ...r.rows, r.n]).slice(0, -1)
  const kernel: GemmKernel = {
    _tag: 'Gemm',
    batch: r.batch,
    rows: r.rows,
    n: r.n,
    width: r.width,
    terms: terms.map((t) => t.term),
    b: { element: r.element, batch: r.batch.map(() => 0) },
    c: { offset: 0, batch: c.slice(0, r.batch.length), rows: c.slice(r.batch.length) },
    epilogue: map,
  }
  const each = Math.ceil(r.n / r.width) * r.width * depthOf(kernel)
  const b = strides(r.batch).map((s) => s * each)
  const result = 2 + lines * r.n + 2 * size(r.batch) * r.rows[0]
  return {
    kernel: { ...kernel, b: { ...kernel.b, batch: b } },
    lengths: [result, size(r.batch) * each, ...terms.map((t) => t.length), ...lengths],
  }
}

/** Products of all kinds. */
export const arbitraryRecipe = (widths: readonly number[]): fc.Arbitrary<Recipe> =>
  fc
    .record({
      batch: fc.constantFrom([], [1], [2], [2, 3]),
      rows: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 9 })),
      n: fc.integer({ min: 1, max: 90 }),
      width: fc.constantFrom(...widths),
      depths: fc.array(fc.integer({ min: 1, max: 37 }), { minLength: 1, maxLength: 3 }),
      kind: fc.array(fc.constantFrom('plain', 'segments', 'norm', 'rms', 'window'), { minLength: 3, maxLength: 3 }),
      magnify: fc.constantFrom(1, 2),
      planes: fc.boolean(),
      stride: fc.constantFrom(1, 2),
      epilogue: fc.constantFrom('none', 'bias', 'residual', 'paired'),
      element: fc.constantFrom('f32', 'f32', 'f16', 'bf16'),
    } as const)
    .map((r) => ({ ...r, n: r.epilogue === 'paired' ? r.n * 2 : r.n }) as Recipe)

/** Such a product with operands of numbers in −1 … 1. */
export const productCase = (r: Recipe): Typed<GemmKernel> => {
  const { kernel, lengths } = productOf(r)
  const elements = lengths.map((_, i): Element => (i === 1 ? r.element : 'f32'))
  let state = 1
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
  const operands = lengths.map((length, i) => {
    const out = storageOf(elements[i]!, length)
    if (i === 0) return out
    const encode = { f16: toHalf, bf16: toBrain } as const
    const e = elements[i]!
    return out.map(() => (e === 'f16' || e === 'bf16' ? encode[e](next()) : Math.fround(next()))) as typeof out
  })
  return { kernel, elements, operands }
}
