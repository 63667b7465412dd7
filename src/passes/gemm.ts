/** What products and convolutions share: rows where they lie, panels, borders. */
import { strides, size, type Shape } from '../core/shape.ts'
import type { Conv } from '../graph/node.ts'
import type { Expr, GemmKernel, Load, Term } from '../codegen/kernel.ts'
import type { ProgramBuilder } from '../codegen/program.ts'
import { stridesInOrder } from './layout.ts'

/** A load with nothing to pick. */
export const isPlain = (e: Expr): e is Load => e._tag === 'Load' && e.picks.length === 0

/** Is it float32 in memory, nothing to pick, nowhere backwards? */
export const isFloats = (e: Expr): e is Load => isPlain(e) && e.element === 'f32' && e.strides.every((s) => s >= 0)

/** Can rows be read where they lie: float32, side by side along an axis, and nowhere backwards? */
const isRows = (e: Expr, shape: Shape, axis: number): e is Load =>
  isFloats(e) && (e.strides.at(axis) === 1 || shape.at(axis) === 1)

/** A load of float32 whose last axis lies side by side: the expression itself, or a copy of it. */
export const rowsOf = (to: ProgramBuilder, e: Expr, shape: Shape, label: string): Load =>
  isRows(e, shape, -1) ? e : to.store(e, shape, strides(shape), label)

/** A load with nothing to pick: the expression itself, or a copy of it. */
export const plainOf = (to: ProgramBuilder, e: Expr, shape: Shape, label: string): Load =>
  isPlain(e) ? e : to.store(e, shape, strides(shape), label)

/** A product of one term, operand 2, without an epilogue. */
export const gemm = ({
  term,
  b,
  ...k
}: Omit<GemmKernel, '_tag' | 'epilogue' | 'terms' | 'b'> & {
  readonly term: Omit<Term, 'operand'>
  /** Batch strides of B. */
  readonly b: readonly number[]
}): GemmKernel => ({
  ...k,
  _tag: 'Gemm',
  terms: [{ ...term, operand: 2 }],
  b: { element: 'f32', batch: b },
  epilogue: undefined,
})

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
