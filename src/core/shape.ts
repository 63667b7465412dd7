/** Shapes and the arithmetic on them. Row-major throughout. */
import { ShapeError } from '../errors.ts'

/** The extent of every axis, outermost first. `[]` is a scalar. */
export type Shape = readonly number[]

/** The number of elements, Π dᵢ. */
export const size = (shape: Shape): number => shape.reduce((a, b) => a * b, 1)

/** Same rank, same extents. */
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i])

/** Row-major strides, in elements. */
export const strides = (shape: Shape): number[] => {
  const out = new Array<number>(shape.length)
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    out[i] = step
    step *= shape[i]!
  }
  return out
}

/** The shape both broadcast to, aligned at the last axis as in NumPy. Throws `ShapeError`, naming `op`. */
export const broadcast = (op: string, shapes: readonly Shape[], labels: readonly string[] = []): Shape => {
  const rank = Math.max(0, ...shapes.map((s) => s.length))
  const out = new Array<number>(rank).fill(1)
  for (const s of shapes)
    for (let i = 0; i < s.length; i++) {
      const at = rank - s.length + i
      const d = s[i]!
      if (d === 1 || d === out[at]) continue
      if (out[at] !== 1) throw new ShapeError(op, shapes, 'do not broadcast', labels)
      out[at] = d
    }
  return out
}

/** A non-negative axis: −1 is the last one. Throws `ShapeError`, naming `op`. */
export const axisOf = (op: string, shape: Shape, axis: number): number => {
  const at = axis < 0 ? axis + shape.length : axis
  if (!Number.isInteger(at) || at < 0 || at >= shape.length) throw new ShapeError(op, [shape], `has no axis ${axis}`)
  return at
}
