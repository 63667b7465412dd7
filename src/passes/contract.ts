/** Products and convolutions as kernels: one side is packed into panels, the other read row by row where it lies. */
import { strides, size, type Shape } from '../core/shape.ts'
import type { Call, Conv, Dot, Node } from '../graph/node.ts'
import { broadcastStrides } from '../graph/evaluate/values.ts'
import type { Expr, Load, Segment, Term } from '../codegen/kernel.ts'
import type { ProgramBuilder } from '../codegen/program.ts'
import { bordered, gemm, isFloats, plainOf, rowsOf } from './gemm.ts'
import { seen, stridesInOrder } from './layout.ts'
import { winograd } from './winograd.ts'

/** A normalisation that a product does on the way. */
export type NormalisedRows = { readonly call: Call; readonly norm: NonNullable<Term['norm']> }

/** The value of a matrix product. `rows`: those of x are normalised first. */
export const dot = (to: ProgramBuilder, n: Dot, x: Expr, y: Expr, rows?: NormalisedRows): Load => {
  const batch = n.shape.slice(0, -2)
  const [count, columns] = n.shape.slice(-2) as [number, number]
  const k = n.x.shape.at(-1)!
  const a = rowsOf(to, x, n.x.shape, 'rows of dot')
  const b = plainOf(to, y, n.y.shape, 'columns of dot')
  const width = to.target.panelWidth(columns)
  const own = n.y.shape.slice(0, -2)
  const panels = to.packed({ batch: own, n: columns, width, parts: [{ b, k: [k] }] })
  const each = Math.ceil(columns / width) * k * width
  const repeated = (shape: Shape, by: readonly number[]): number[] => {
    const skip = batch.length - shape.length
    return batch.map((_, i) => (i < skip || shape[i - skip] === 1 ? 0 : by[i - skip]!))
  }
  const out = strides(n.shape)
  const kernel = gemm({
    batch,
    rows: [count],
    n: columns,
    width,
    term: {
      a: { offset: a.offset, batch: repeated(n.x.shape.slice(0, -2), a.strides), rows: [a.strides.at(-2)!] },
      segments: [{ length: k, jump: 0 }],
      ...(rows && { norm: rows.norm }),
    },
    b: broadcastStrides(own, batch).map((s) => s * each),
    c: { offset: 0, batch: out.slice(0, -2), rows: [columns] },
  })
  const id = to.fill(kernel, 'f32', size(n.shape), [panels, a.operand], 'dot', rows ? [rows.call, n] : [n])
  return { _tag: 'Load', operand: id, element: 'f32', offset: 0, strides: out, picks: [] }
}

/** Where a window's elements lie, one run after the other. */
const windowSegments = (n: Conv, x: Load, perGroup: number): Segment[] => {
  const [, , kh, kw] = n.w.shape as [number, number, number, number]
  const [dy, dx] = n.geometry.dilation
  const [, , sy, sx] = x.strides as [number, number, number, number]
  const joined = dx === 1 && sx === perGroup
  const across = joined ? 1 : kw
  const length = joined ? kw * perGroup : perGroup
  return Array.from({ length: kh * across }, (_, i) => {
    const next = i + 1
    const at = (j: number): number => Math.floor(j / across) * dy * sy + (j % across) * dx * sx
    return { length, jump: next === kh * across ? 0 : at(next) - at(i) - length }
  })
}

/** What a convolution reads: an expression over [N, C, H, W], perhaps of an image that is first magnified by the nearest pixel. */
export type Image = { readonly value: Expr; readonly shape: Shape; readonly magnify: readonly [number, number] }

/** Rows of A where they lie, and the buffer they are in: windows with borders in memory, or without. */
const rowsOfWindows = (
  to: ProgramBuilder,
  n: Conv,
  { value, shape, magnify }: Image,
): readonly [number, Omit<Term, 'operand'>] => {
  const [, perGroup, kh, kw] = n.w.shape as [number, number, number, number]
  const { stride, padding, dilation } = n.geometry
  const magnified = magnify[0] * magnify[1] > 1
  const pointwise = kh * kw === 1 && padding.every((p) => p === 0) && !magnified
  if (to.target.borders === 'copied' || (pointwise && isFloats(value) && value.strides[1] === 1)) {
    const x = bordered(to, n, value)
    const [sn, , sy, sx] = x.strides as [number, number, number, number]
    const rows = [sn, stride[0] * sy, stride[1] * sx]
    const a = { offset: x.offset, batch: [perGroup * x.strides[1]!], rows }
    return [x.operand, { a, segments: windowSegments(n, x, perGroup) }]
  }
  const x = isFloats(value) ? value : to.store(value, shape, stridesInOrder(shape, [0, 2, 3, 1]), 'input of conv')
  const [sn, sc, sy, sx] = x.strides as [number, number, number, number]
  const window = {
    kernel: [kh, kw],
    channels: perGroup,
    stride,
    dilation,
    before: [padding[0], padding[2]],
    extent: [n.x.shape[2]!, n.x.shape[3]!],
    magnify,
    strides: [sy, sx, sc],
  } as const
  const a = { offset: x.offset, batch: [perGroup * sc], rows: [sn, 0, 0] }
  return [x.operand, { a, segments: [{ length: kh * kw * perGroup, jump: 0 }], window }]
}

/** The value of a convolution, channels last: a product whose rows are windows of the input where it lies. */
export const conv = (to: ProgramBuilder, n: Conv, image: Image, weight: Expr, exact: boolean): Load => {
  const tile = exact || image.magnify.some((m) => m > 1) ? undefined : to.target.winograd(n)
  const w = plainOf(to, weight, n.w.shape, 'weight of conv')
  if (tile !== undefined) return winograd(to, n, image.value, w, tile)
  const [, outs, oh, ow] = n.shape as [number, number, number, number]
  const [, perGroup, kh, kw] = n.w.shape as [number, number, number, number]
  const { groups } = n.geometry
  const [operand, term] = rowsOfWindows(to, n, image)
  const [so, sc, sh, sw] = w.strides as [number, number, number, number]
  const columns = outs / groups
  const width = to.target.panelWidth(columns)
  const b: Load = { ...w, strides: [columns * so, sh, sw, sc, so] }
  const panels = to.packed({ batch: [groups], n: columns, width, parts: [{ b, k: [kh, kw, perGroup] }] })
  const by = stridesInOrder(n.shape, [0, 2, 3, 1])
  const kernel = gemm({
    batch: [groups],
    rows: [n.shape[0]!, oh, ow],
    n: columns,
    width,
    term,
    b: [Math.ceil(columns / width) * kh * kw * perGroup * width],
    c: { offset: 0, batch: [columns], rows: [by[0]!, by[2]!, by[3]!] },
  })
  const id = to.fill(
    kernel,
    'f32',
    size(n.shape),
    [panels, operand],
    'conv',
    image.magnify.some((m) => m > 1) ? [n.x, n] : [n],
  )
  return { _tag: 'Load', operand: id, element: 'f32', offset: 0, strides: by, picks: [] }
}

/** A normalisation of rows without gain and shift, seen through reshapes that keep the last axis: what it normalises, or undefined. */
export const normalisedRows = (n: Node): NormalisedRows | undefined => {
  const columns = n.shape.at(-1)
  let x = n
  while (x._tag === 'View' && x.view._tag === 'Reshape' && x.x.shape.at(-1) === columns) x = x.x
  if (x._tag !== 'Call' || x.args.length > 1 || (x.name !== 'layerNorm' && x.name !== 'rmsNorm')) return undefined
  return { call: x, norm: { centred: x.name === 'layerNorm', eps: x.options['eps'] as number } }
}

/** The same rows of what a normalisation normalises, where strides can say it. */
export const rowsBefore = (e: Expr, call: Call, shape: Shape): Expr | undefined =>
  seen(e, { _tag: 'Reshape' }, call.shape, shape)
