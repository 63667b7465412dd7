/** How the evaluator keeps values, and how it walks over them. */
import { computed, fromBrain, fromHalf, toBrain, toHalf, type DType } from '../../core/dtype.ts'
import { strides, type Shape } from '../../core/shape.ts'

/** In which arithmetic a graph is evaluated: `f64` exact enough to be the truth, `f32` rounding every op as a backend would. */
export type Precision = 'f64' | 'f32'

/** The values of a node. f16 and bf16 are kept widened. */
export type Values = Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array

/** Fresh values of a dtype. */
export const valuesFor = (dtype: DType, length: number, precision: Precision): Values => {
  switch (computed(dtype)) {
    case 'f32':
      return precision === 'f64' ? new Float64Array(length) : new Float32Array(length)
    case 'i32':
      return new Int32Array(length)
    case 'u32':
      return new Uint32Array(length)
    case 'bool':
      return new Uint8Array(length)
  }
}

const saturate = (x: number, low: number, high: number): number =>
  Number.isNaN(x) ? 0 : Math.min(Math.max(Math.trunc(x), low), high)

/** A number as a dtype keeps it; see `cast`. */
export const convert = (dtype: DType, x: number): number => {
  switch (dtype) {
    case 'f32':
      return x
    case 'f16':
      return fromHalf(toHalf(x))
    case 'bf16':
      return fromBrain(toBrain(x))
    case 'i32':
      return saturate(x, -(2 ** 31), 2 ** 31 - 1)
    case 'u32':
      return saturate(x, 0, 2 ** 32 - 1)
    case 'bool':
      return x === 0 ? 0 : 1
  }
}

/** Strides of `from` read under the indices of `to`: 0 where it is repeated. */
export const broadcastStrides = (from: Shape, to: Shape): number[] => {
  const own = strides(from)
  const skip = to.length - from.length
  return to.map((_, i) => (i < skip || from[i - skip] === 1 ? 0 : own[i - skip]!))
}

/**
 * Calls `row(out, offsets)` for every run of the last axis: `out` is where it starts in row-major order, `offsets[j]` where operand j
 * stands, given its strides. Scalars are one run of length 1.
 */
export const eachRow = (
  shape: Shape,
  operands: readonly (readonly number[])[],
  row: (out: number, offsets: readonly number[]) => void,
  starts: readonly number[] = operands.map(() => 0),
): void => {
  if (shape.some((d) => d === 0)) return
  const outer = shape.slice(0, -1)
  const length = shape.at(-1) ?? 1
  const index = outer.map(() => 0)
  const offsets = [...starts]
  for (let out = 0; ; out += length) {
    row(out, offsets)
    let axis = outer.length - 1
    for (; axis >= 0; axis--) {
      index[axis]!++
      for (let j = 0; j < offsets.length; j++) offsets[j]! += operands[j]![axis]!
      if (index[axis]! < outer[axis]!) break
      for (let j = 0; j < offsets.length; j++) offsets[j]! -= operands[j]![axis]! * outer[axis]!
      index[axis] = 0
    }
    if (axis < 0) return
  }
}
