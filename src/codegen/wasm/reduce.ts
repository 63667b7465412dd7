/** Folds: along the vector's axis, with a last fold of its lanes, or four of them at once. */
import type { ReduceOp } from '../../core/ops.ts'
import { reduce as folds } from '../../core/ops.ts'
import type { ReduceKernel, Value } from '../kernel.ts'
import { Lanes, storeLanes, typeOf } from './lanes.ts'
import { overElements, type Emitted } from './map.ts'
import { f32x4, get, i32x4, i32, set, v128, type Code } from './op.ts'
import { accessesOf, byStride, mergeAxes, type Access } from '../space.ts'
import { addressOf, unflatten } from './space.ts'
import { binaryOp, type Context } from './vector-ops.ts'

const combine = (context: Context, op: ReduceOp, type: Value, x: Code, y: Code): Code => {
  switch (op) {
    case 'sum':
      return binaryOp(context, 'add', type, x, y)
    case 'prod':
      return binaryOp(context, 'mul', type, x, y)
    case 'amax':
      return binaryOp(context, 'max', type, x, y)
    case 'amin':
      return binaryOp(context, 'min', type, x, y)
    case 'any':
      return v128.or(x, y)
    case 'all':
      return v128.and(x, y)
  }
}

const identity = (op: ReduceOp, type: Value): Code => {
  const value = folds[op].identity
  if (type === 'f32') return f32x4.const(value)
  if (type === 'bool') return i32x4.const(-value)
  const [low, high] = type === 'i32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1]
  return i32x4.const(Math.min(Math.max(value, low), high))
}

/** The lanes from `lanes` on replaced by the identity. */
const masked = (value: Code, lanes: number, neutral: Code): Code =>
  lanes === 4 ? value : v128.select(value, neutral, v128.const([0, 1, 2, 3].map((i) => (i < lanes ? -1 : 0))))

/** The code of a fold. */
export const emitReduce = (k: ReduceKernel, operand: (i: number) => Code): Emitted => {
  const accesses = accessesOf(k.value)
  const kept = k.dims.map((_, i) => i)
  const folded = k.folded.map((_, i) => k.dims.length + i)
  const extents = [...k.dims, ...k.folded]
  const wide = (strides: readonly number[]): number[] => [...strides, ...k.folded.map(() => 0)]
  const out: Access = { offset: k.out.offset, strides: wide(k.out.strides) }
  const all = [...accesses, out]
  const keptMerged = mergeAxes(extents, byStride(out.strides, kept), all)
  // The axes of a fold may be taken in any order: that of the operand with most to read.
  const leading = accesses.toSorted((a, b) => moving(b, folded) - moving(a, folded))[0]
  const foldMerged = mergeAxes(extents, leading === undefined ? folded : byStride(leading.strides, folded), all)
  const keptStrides = (a: Access): readonly number[] => keptMerged.strides.get(a)!
  const foldStrides = (a: Access): readonly number[] => foldMerged.strides.get(a)!
  const across =
    leading !== undefined &&
    (keptMerged.dims.at(-1) ?? 1) >= 4 &&
    keptStrides(leading).at(-1) === 1 &&
    foldStrides(leading).at(-1) !== 1
  const type = typeOf(k.value)
  const rows = across ? keptMerged.dims.slice(0, -1) : keptMerged.dims
  const inner = across ? foldMerged.dims : foldMerged.dims.slice(0, -1)
  const motion = (a: Access) =>
    across
      ? { outer: [...keptStrides(a).slice(0, -1), ...foldStrides(a)], along: keptStrides(a).at(-1)! }
      : { outer: [...keptStrides(a), ...foldStrides(a).slice(0, -1)], along: foldStrides(a).at(-1) ?? 0 }
  const steps = inner.reduce((a, b) => a * b, 1)
  const length = across ? keptMerged.dims.at(-1)! : (foldMerged.dims.at(-1) ?? 1)
  const empty = k.folded.some((d) => d === 0)

  const code = (context: Context): Code => {
    const { body } = context
    const lanes = new Lanes(context, k.value, operand, motion)
    const [sum, base] = [body.local('v128'), body.local('i32')]
    const add = (value: Code): Code => set(sum, combine(context, k.op, type, get(sum), value))
    return body.repeat(get(0), get(1), 1, (row) => {
      const { code: place, at } = unflatten(body, rows, row)
      const target = set(base, addressOf(operand(0), 4, k.out.offset, motion(out).outer.slice(0, rows.length), at))
      const fold = (each: (at: readonly number[]) => Code): Code =>
        empty
          ? []
          : body.repeat(i32.const(0), i32.const(steps), 1, (step) => {
              const { code: inside, at: deeper } = unflatten(body, inner, step)
              return [inside, each([...at, ...deeper])]
            })
      if (across)
        return [
          place,
          target,
          overElements(context, length, (n, bytes) => [
            set(sum, identity(k.op, type)),
            fold((where) => [lanes.prelude(where), add(lanes.value(n, { bytes }))]),
            storeLanes(context, k.out, base, motion(out).along, n, { bytes }, get(sum)),
          ]),
        ]
      return [
        place,
        target,
        set(sum, identity(k.op, type)),
        fold((where) => [
          lanes.prelude(where),
          overElements(context, length, (n, bytes) => add(masked(lanes.value(n, { bytes }), n, identity(k.op, type)))),
        ]),
        set(sum, combine(context, k.op, type, get(sum), v128.shuffle(get(sum), get(sum), rotate(8)))),
        set(sum, combine(context, k.op, type, get(sum), v128.shuffle(get(sum), get(sum), rotate(4)))),
        storeLanes(context, k.out, base, 1, 1, undefined, get(sum)),
      ]
    })
  }
  return { count: rows.reduce((a, b) => a * b, 1), code }
}

const rotate = (by: number): number[] => Array.from({ length: 16 }, (_, i) => (i + by) % 16)

const moving = (a: Access, axes: readonly number[]): number => axes.filter((i) => a.strides[i] !== 0).length
