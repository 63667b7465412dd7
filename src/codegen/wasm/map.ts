/** Elementwise kernels: rows of the result, four elements at a time. */
import type { MapKernel } from '../kernel.ts'
import { Lanes, storeLanes } from './lanes.ts'
import { brIf, get, i32, loop, nothing, set, tee, type Code } from './op.ts'
import { size } from '../../core/shape.ts'
import { accessesOf, byStride, mergeAxes, type Access } from '../space.ts'
import { addressOf, unflatten } from './space.ts'
import type { Context } from './vector-ops.ts'
import { mostPieces } from './work.ts'

/** Parameters of a kernel's function before the addresses of its operands: the range of its parts, and where the thread may keep what it works on. */
export const firstOperand = 3

/** A kernel's function `(lo, hi, work, …operands)` of a range of `count` independent parts; it works on so many bytes of its thread's own. */
export type Emitted = { readonly count: number; readonly code: (context: Context) => Code; readonly work?: number }

/**
 * `for (position = 0; …; position += 4)` over so many elements, the last of them apart. With several `copies` of the body in a round,
 * each is told which it is, and by how many bytes it is ahead. Positions start from 0, or from four times another.
 */
export const overElements = (
  { body }: Context,
  length: number,
  each: (lanes: number, position: number, copy: number, ahead: number) => Code,
  copies = 1,
  start?: Code,
): Code => {
  const position = body.local('i32')
  const forward = (vectors: number): Code => tee(position, i32.add(get(position), i32.const(16 * vectors)))
  const vectors = Math.floor(length / 4)
  const rounds = (first: number, last: number, n: number): Code => {
    const all = Array.from({ length: n }, (_, copy) => each(4, position, copy, 16 * copy))
    const to = start === undefined ? i32.const(16 * last) : i32.add(start, i32.const(16 * last))
    return last > first ? loop([all, brIf(0, i32.ltS(forward(n), to))]) : nothing
  }
  const many = vectors - (vectors % copies)
  return [
    set(position, start ?? i32.const(0)),
    rounds(0, many, copies),
    rounds(many, vectors, 1),
    length % 4 > 0 ? each(length % 4, position, 0, 0) : nothing,
  ]
}

/** Columns from one on, given as a local. */
export type Columns = { readonly first: number; readonly count: number }

type Merged = ReturnType<typeof mergeAxes>

/** Elements that are enough for a part. */
const leastElements = 1024

/** A long last axis as two, so that there are parts to share where there are few rows. */
const partedAxis = ({ dims, strides }: Merged): Merged => {
  const length = dims.at(-1) ?? 1
  const most = Math.min(Math.ceil(mostPieces / size(dims.slice(0, -1))), Math.floor(length / leastElements))
  const parts = Array.from({ length: Math.max(0, most - 1) }, (_, i) => most - i).find((n) => length % (4 * n) === 0)
  if (parts === undefined) return { dims, strides }
  const each = length / parts
  return {
    dims: [...dims.slice(0, -1), parts, each],
    strides: new Map([...strides].map(([a, by]) => [a, [...by.slice(0, -1), by.at(-1)! * each, by.at(-1)!]])),
  }
}

/** The code of a map. `operand` gives addresses; with `columns`, only those of the last axis, which is kept as it is: for an epilogue. */
export const emitMap = (k: MapKernel, operand: (i: number) => Code, columns?: Columns): Emitted => {
  const isolate = columns !== undefined
  const accesses = accessesOf(k.value)
  const axes = k.dims.map((_, i) => i)
  const outer = isolate ? byStride(k.out.strides, axes.slice(0, -1)) : byStride(k.out.strides, axes)
  const all: readonly Access[] = [...accesses, k.out]
  const axesMerged = mergeAxes(k.dims, outer, all)
  const merged = isolate ? axesMerged : partedAxis(axesMerged)
  const inner = columns !== undefined ? columns.count : (merged.dims.at(-1) ?? 1)
  const rows = isolate ? merged.dims : merged.dims.slice(0, -1)
  const motion = (a: Access) => {
    const own = merged.strides.get(a)!
    return isolate ? { outer: own, along: a.strides.at(-1)! } : { outer: own.slice(0, -1), along: own.at(-1) ?? 0 }
  }
  const code = (context: Context): Code => {
    const { body } = context
    const lanes = new Lanes(context, k.value, operand, motion)
    const out = motion(k.out)
    const base = body.local('i32')
    return body.repeat(get(0), get(1), 1, (row) => {
      const { code: place, at } = unflatten(body, rows, row)
      return [
        place,
        lanes.prelude(at),
        set(base, addressOf(operand(0), 4, k.out.offset, out.outer, at)),
        overElements(
          context,
          inner,
          (n, bytes) =>
            // A single element has an axis of its own, along which nothing moves.
            storeLanes(context, k.out, base, out.along === 0 ? 1 : out.along, n, { bytes }, lanes.value(n, { bytes })),
          1,
          columns && i32.shl(get(columns.first), i32.const(2)),
        ),
      ]
    })
  }
  return { count: rows.reduce((a, b) => a * b, 1), code }
}
