/** Products and convolutions as kernels: one side is packed into panels, the other read row by row where it lies. */
import { strides, size, type Shape } from '../core/shape.ts'
import type { Conv, Dot } from '../graph/node.ts'
import { broadcastStrides } from '../graph/evaluate/values.ts'
import type { Expr, Load, Segment } from '../codegen/kernel.ts'
import type { ProgramBuilder } from '../codegen/program.ts'
import { bordered, gemm, packed, plainOf, rowsOf } from './gemm.ts'
import { stridesInOrder } from './layout.ts'
import { winograd } from './winograd.ts'

/** The value of a matrix product. */
export const dot = (to: ProgramBuilder, n: Dot, x: Expr, y: Expr): Load => {
  const batch = n.shape.slice(0, -2)
  const [rows, columns] = n.shape.slice(-2) as [number, number]
  const k = n.x.shape.at(-1)!
  const a = rowsOf(to, x, n.x.shape, 'rows of dot')
  const b = plainOf(to, y, n.y.shape, 'columns of dot')
  const width = to.target.panelWidth(columns)
  const own = n.y.shape.slice(0, -2)
  const panels = packed(to, b, own, [k], columns, width)
  const each = Math.ceil(columns / width) * k * width
  const repeated = (shape: Shape, by: readonly number[]): number[] => {
    const skip = batch.length - shape.length
    return batch.map((_, i) => (i < skip || shape[i - skip] === 1 ? 0 : by[i - skip]!))
  }
  const out = strides(n.shape)
  const kernel = gemm({
    batch,
    rows: [rows],
    n: columns,
    segments: [{ length: k, jump: 0 }],
    width,
    a: { offset: a.offset, batch: repeated(n.x.shape.slice(0, -2), a.strides), rows: [a.strides.at(-2)!] },
    b: broadcastStrides(own, batch).map((s) => s * each),
    c: { offset: 0, batch: out.slice(0, -2), rows: [columns] },
  })
  const id = to.fill(kernel, 'f32', size(n.shape), [panels, a.operand], 'dot')
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

/** The value of a convolution, channels last: a product whose rows are windows of the input where it lies. */
export const conv = (to: ProgramBuilder, n: Conv, input: Expr, weight: Expr, exact: boolean): Load => {
  const tile = exact ? undefined : to.target.winograd(n)
  if (tile !== undefined) return winograd(to, n, input, plainOf(to, weight, n.w.shape, 'weight of conv'), tile)
  const [, outs, oh, ow] = n.shape as [number, number, number, number]
  const [, perGroup, kh, kw] = n.w.shape as [number, number, number, number]
  const { stride, groups } = n.geometry
  const x = bordered(to, n, input)
  const w = plainOf(to, weight, n.w.shape, 'weight of conv')
  const [so, sc, sh, sw] = w.strides as [number, number, number, number]
  const columns = outs / groups
  const width = to.target.panelWidth(columns)
  const kernelLoad: Load = { ...w, strides: [columns * so, sh, sw, sc, so] }
  const panels = packed(to, kernelLoad, [groups], [kh, kw, perGroup], columns, width)
  const by = stridesInOrder(n.shape, [0, 2, 3, 1])
  const [sn, , sy, sx] = x.strides as [number, number, number, number]
  const kernel = gemm({
    batch: [groups],
    rows: [n.shape[0]!, oh, ow],
    n: columns,
    segments: windowSegments(n, x, perGroup),
    width,
    a: { offset: x.offset, batch: [perGroup * x.strides[1]!], rows: [sn, stride[0] * sy, stride[1] * sx] },
    b: [Math.ceil(columns / width) * kh * kw * perGroup * width],
    c: { offset: 0, batch: [columns], rows: [by[0]!, by[2]!, by[3]!] },
  })
  const id = to.fill(kernel, 'f32', size(n.shape), [panels, x.operand], 'conv')
  return { _tag: 'Load', operand: id, element: 'f32', offset: 0, strides: by, picks: [] }
}
