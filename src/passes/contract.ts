/** Products and convolutions as kernels: one side is packed into panels, the other read row by row where it lies. */
import { strides, size, type Shape } from '../core/shape.ts'
import type { Conv, Dot } from '../graph/node.ts'
import { broadcastStrides } from '../graph/evaluate/values.ts'
import type { Expr, GemmKernel, Load, Rows, Segment } from '../codegen/kernel.ts'
import type { ProgramBuilder } from '../codegen/program.ts'
import { stridesInOrder } from './layout.ts'
import { winograd, winogradSize } from './winograd.ts'

/** Columns of a panel: 8 and 12 are fastest, and 12 leaves no panel of 4 behind. */
export const panelWidth = (n: number): number => (n <= 4 ? 4 : n <= 8 || n % 12 === 4 || n % 8 === 0 ? 8 : 12)

const isPlain = (e: Expr): e is Load => e._tag === 'Load' && e.picks.length === 0

/** A load of float32 whose last axis lies side by side: the expression itself, or a copy of it. */
export const rowsOf = (to: ProgramBuilder, e: Expr, shape: Shape, label: string): Load =>
  isPlain(e) && e.element === 'f32' && (e.strides.at(-1) === 1 || shape.at(-1) === 1)
    ? e
    : to.store(e, shape, strides(shape), label)

export const plainOf = (to: ProgramBuilder, e: Expr, shape: Shape, label: string): Load =>
  isPlain(e) ? e : to.store(e, shape, strides(shape), label)

/** B [...batch, ...k, n] as panels: [...batch, panel, ...k, width], zeros after column n. */
export const packed = (
  to: ProgramBuilder,
  b: Load,
  batch: readonly number[],
  k: readonly number[],
  n: number,
  width: number,
): number => {
  const panels = Math.ceil(n / width)
  const whole = [...batch, panels, ...k, width]
  const by = strides(whole)
  const out: Load = { ...b, element: 'f32', operand: to.made('f32', size(whole), [b.operand]), offset: 0, strides: by }
  const [sb, sk, sn] = [b.strides.slice(0, batch.length), b.strides.slice(batch.length, -1), b.strides.at(-1)!]
  const full = Math.floor(n / width)
  const rest = n - full * width
  const panel = by[batch.length]!
  const parts: readonly (readonly [Expr, Shape, number])[] = [
    [{ ...b, strides: [...sb, sn * width, ...sk, sn] }, [...batch, full, ...k, width], 0],
    [
      { ...b, offset: b.offset + full * width * sn, strides: [...sb, 0, ...sk, sn] },
      [...batch, 1, ...k, rest],
      full * panel,
    ],
    [{ _tag: 'Const', type: 'f32', value: 0 }, [...batch, panels - full, ...k, width - rest], full * panel + rest],
  ]
  for (const [value, shape, offset] of parts) if (size(shape) > 0) to.write(value, shape, { ...out, offset }, 'pack')
  return out.operand
}

/** Row axes merged where both sides allow it. */
const mergeRows = (rows: readonly number[], a: Rows, c: Rows): { rows: number[]; a: number[]; c: number[] } => {
  const out = { rows: [] as number[], a: [] as number[], c: [] as number[] }
  rows.forEach((d, i) => {
    const [sa, sc] = [a.rows[i]!, c.rows[i]!]
    const last = out.rows.length - 1
    if (d === 1) return
    if (last >= 0 && out.a[last] === sa * d && out.c[last] === sc * d) {
      out.rows[last]! *= d
      out.a[last] = sa
      out.c[last] = sc
    } else {
      out.rows.push(d)
      out.a.push(sa)
      out.c.push(sc)
    }
  })
  return out.rows.length > 0 ? out : { rows: [1], a: [0], c: [0] }
}

/** A product whose rows are merged where they can be. */
export const gemm = (k: Omit<GemmKernel, '_tag' | 'epilogue'>): GemmKernel => {
  const merged = mergeRows(k.rows, k.a, k.c)
  return {
    ...k,
    _tag: 'Gemm',
    rows: merged.rows,
    a: { ...k.a, rows: merged.a },
    c: { ...k.c, rows: merged.c },
    epilogue: undefined,
  }
}

/** The value of a matrix product. */
export const dot = (to: ProgramBuilder, n: Dot, x: Expr, y: Expr): Load => {
  const batch = n.shape.slice(0, -2)
  const [rows, columns] = n.shape.slice(-2) as [number, number]
  const k = n.x.shape.at(-1)!
  const a = rowsOf(to, x, n.x.shape, 'rows of dot')
  const b = plainOf(to, y, n.y.shape, 'columns of dot')
  const width = panelWidth(columns)
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
  const id = to.fill(kernel, 'f32', size(n.shape), [a.operand, panels], 'dot')
  return { _tag: 'Load', operand: id, element: 'f32', offset: 0, strides: out, picks: [] }
}

/** The input of a convolution with its borders, channels last. */
export const bordered = (
  to: ProgramBuilder,
  n: Conv,
  x: Expr,
  [top, bottom, left, right]: readonly number[] = n.geometry.padding,
): Load => {
  const [batch, channels, height, width] = n.x.shape as [number, number, number, number]
  const none = top! + bottom! + left! + right! === 0
  if (none && isPlain(x) && x.element === 'f32' && (x.strides[1] === 1 || channels === 1)) return x
  const [h, w] = [height + top! + bottom!, width + left! + right!]
  const whole = [batch, channels, h, w]
  const by = stridesInOrder(whole, [0, 2, 3, 1])
  if (none) return to.store(x, whole, by, 'input of conv')
  const at = (row: number, column: number, part: Shape): readonly [Shape, number] => [
    part,
    row * by[2]! + column * by[3]!,
  ]
  const inside = at(top!, left!, n.x.shape)
  const sides = [
    at(0, 0, [batch, channels, top!, w]),
    at(top! + height, 0, [batch, channels, bottom!, w]),
    at(top!, 0, [batch, channels, height, left!]),
    at(top!, left! + width, [batch, channels, height, right!]),
  ].filter(([part]) => size(part) > 0)
  const length = size(whole)
  const { operand } = to.storePart(x, inside[0], by, inside[1], length, 'input of conv')
  const load: Load = { _tag: 'Load', operand, element: 'f32', offset: 0, strides: by, picks: [] }
  for (const [part, offset] of sides)
    to.write({ _tag: 'Const', type: 'f32', value: 0 }, part, { ...load, offset }, 'border')
  return load
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
  const tile = exact ? undefined : winogradSize(n)
  if (tile !== undefined) return winograd(to, n, input, plainOf(to, weight, n.w.shape, 'weight of conv'), tile)
  const [, outs, oh, ow] = n.shape as [number, number, number, number]
  const [, perGroup, kh, kw] = n.w.shape as [number, number, number, number]
  const { stride, groups } = n.geometry
  const x = bordered(to, n, input)
  const w = plainOf(to, weight, n.w.shape, 'weight of conv')
  const [so, sc, sh, sw] = w.strides as [number, number, number, number]
  const columns = outs / groups
  const width = panelWidth(columns)
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
  const id = to.fill(kernel, 'f32', size(n.shape), [x.operand, panels], 'conv')
  return { _tag: 'Load', operand: id, element: 'f32', offset: 0, strides: by, picks: [] }
}
