/** What products and convolutions share: rows where they lie, panels, borders. */
import { strides, size, type Shape } from '../core/shape.ts'
import type { Conv } from '../graph/node.ts'
import type { Expr, GemmKernel, Load, Rows, Segment } from '../codegen/kernel.ts'
import type { ProgramBuilder } from '../codegen/program.ts'
import { stridesInOrder } from './layout.ts'

/** A load with nothing to pick. */
export const isPlain = (e: Expr): e is Load => e._tag === 'Load' && e.picks.length === 0

/** Can rows be read where they lie: float32, side by side along an axis, and nowhere backwards? */
const isRows = (e: Expr, shape: Shape, axis: number): e is Load =>
  isPlain(e) &&
  e.element === 'f32' &&
  (e.strides.at(axis) === 1 || shape.at(axis) === 1) &&
  e.strides.every((s) => s >= 0)

/** A load of float32 whose last axis lies side by side: the expression itself, or a copy of it. */
export const rowsOf = (to: ProgramBuilder, e: Expr, shape: Shape, label: string): Load =>
  isRows(e, shape, -1) ? e : to.store(e, shape, strides(shape), label)

/** A load with nothing to pick: the expression itself, or a copy of it. */
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
  const out: Load = {
    ...b,
    element: 'f32',
    operand: to.made('f32', size(whole), [b.operand], to.lean),
    offset: 0,
    strides: by,
  }
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

/** A product of one term, operand 2, whose rows are merged where they can be. */
export const gemm = ({
  a,
  segments,
  b,
  ...k
}: Omit<GemmKernel, '_tag' | 'epilogue' | 'terms' | 'b'> & {
  readonly a: Rows
  readonly segments: readonly Segment[]
  /** Batch strides of B. */
  readonly b: readonly number[]
}): GemmKernel => {
  const merged = mergeRows(k.rows, a, k.c)
  return {
    ...k,
    _tag: 'Gemm',
    rows: merged.rows,
    terms: [{ operand: 2, a: { ...a, rows: merged.a }, segments }],
    b: { element: 'f32', batch: b },
    c: { ...k.c, rows: merged.c },
    epilogue: undefined,
  }
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
  if (none && isRows(x, n.x.shape, 1)) return x
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
