/** Rows of scores on their way through attention: exponentials below the largest score so far. Milakov & Gimelshein 2018. */
import type { AttentionKernel } from '../kernel.ts'
import { Lanes } from './lanes.ts'
import { overElements } from './map.ts'
import * as math from './math.ts'
import { f32, f32x4, get, i32, nothing, set, v128, when, type Code } from './op.ts'
import { unflatten } from './space.ts'
import type { Context } from './vector-ops.ts'

const horizontal = (f: (x: Code, y: Code) => Code, v: number): Code =>
  f(f(f32x4.extract(get(v), 0), f32x4.extract(get(v), 1)), f(f32x4.extract(get(v), 2), f32x4.extract(get(v), 3)))

/** Stores lanes of a row, so many bytes after its address. */
export const storeRow = ({ body }: Context, row: number, bytes: number, lanes: number, value: Code): Code => {
  const at = i32.add(get(row), get(bytes))
  if (lanes === 4) return v128.store(at, value)
  const own = body.local('v128')
  return [
    set(own, value),
    lanes >= 2 ? v128.store64Lane(at, get(own), 0) : nothing,
    lanes % 2 === 1 ? v128.store32Lane(at, get(own), lanes - 1, 4 * (lanes - 1)) : nothing,
  ]
}

/** Every feature of a row times a factor. */
export const scaleRow = (context: Context, k: AttentionKernel, row: number, factor: number): Code =>
  overElements(context, k.features, (lanes, bytes) =>
    storeRow(context, row, bytes, lanes, f32x4.mul(v128.load(i32.add(get(row), get(bytes))), get(factor))),
  )

/** Where one is: addresses of the row of scores, of the statistics and results of its block, and its numbers. */
export type Place = {
  readonly row: number
  readonly stats: number
  readonly out: number
  readonly r: number
  readonly batch: number
  readonly first: number
  readonly start: number
  readonly mask: number
}

/** Scores of a query, over ln 2, become powers of 2 below the largest so far; what was summed before is scaled down when that changes. */
export const softmaxRow = (context: Context, k: AttentionKernel, count: number, p: Place): Code => {
  const { body } = context
  const four = (): readonly number[] => [0, 1, 2, 3].map(() => body.local('v128'))
  // Several sums and maxima at once, for one waits for the last.
  const [largest, total] = [four(), four()]
  const [factor, shift] = [body.local('v128'), body.local('v128')]
  const [before, now, rowOut, stat] = [body.local('f32'), body.local('f32'), body.local('i32'), body.local('i32')]
  const at = (bytes: number): Code => i32.add(get(p.row), get(bytes))
  const real = (value: Code, lanes: number, otherwise: number): Code =>
    lanes === 4
      ? value
      : v128.select(value, f32x4.const(otherwise), v128.const([0, 1, 2, 3].map((i) => (i < lanes ? -1 : 0))))
  const masked = k.mask === undefined ? undefined : maskLanes(context, k, p)
  const own = body.local('v128')
  const scale = f32x4.const(k.scale * Math.LOG2E)
  const merged = (f: (x: Code, y: Code) => Code, vs: readonly number[]): Code =>
    set(
      vs[0]!,
      vs.slice(1).reduce<Code>((sum, v) => f(sum, get(v)), get(vs[0]!)),
    )
  const most = (lanes: number, copy: number, value: Code): Code =>
    set(largest[copy]!, f32x4.pmax(get(largest[copy]!), real(value, lanes, -Infinity)))
  /** With a mask, scores are kept as they are to be; without, they are only looked through, and scaled when they are used. */
  const look =
    masked === undefined
      ? [
          overElements(
            context,
            count,
            (lanes, bytes, copy, ahead) => most(lanes, copy, f32x4.mul(v128.load(at(bytes), ahead), scale)),
            4,
          ),
        ]
      : overElements(context, count, (lanes, bytes) => {
          const added = f32x4.mul(masked.value(lanes, { bytes }), f32x4.const(Math.LOG2E))
          return [
            set(own, f32x4.add(f32x4.mul(v128.load(at(bytes)), scale), added)),
            v128.store(at(bytes), get(own)),
            most(lanes, 0, get(own)),
          ]
        })
  const score = (bytes: number, ahead: number): Code => {
    const there = v128.load(at(bytes), ahead)
    return masked === undefined ? f32x4.mul(there, scale) : there
  }
  return [
    masked === undefined ? nothing : masked.prelude,
    largest.map((v) => set(v, f32x4.const(-Infinity))),
    look,
    merged(f32x4.pmax, largest),
    set(stat, i32.add(get(p.stats), i32.mul(get(p.r), i32.const(8)))),
    set(before, f32.load(get(stat))),
    set(now, f32.max(get(before), horizontal(f32.max, largest[0]!))),
    set(shift, f32x4.splat(get(now))),
    total.map((v) => set(v, f32x4.const(0))),
    overElements(
      context,
      count,
      (lanes, bytes, copy, ahead) => [
        set(own, math.exp2Below(body, f32x4.sub(score(bytes, ahead), get(shift)))),
        v128.store(at(bytes), get(own), ahead),
        set(total[copy]!, f32x4.add(get(total[copy]!), real(get(own), lanes, 0))),
      ],
      2,
    ),
    merged(f32x4.add, total),
    set(factor, math.exp2Below(body, f32x4.splat(f32.sub(get(before), get(now))))),
    f32.store(get(stat), get(now)),
    f32.store(
      get(stat),
      f32.add(f32.mul(f32.load(get(stat), 4), f32x4.extract(get(factor), 0)), horizontal(f32.add, total[0]!)),
      4,
    ),
    when(f32.ne(get(before), get(now)), [
      set(rowOut, i32.add(get(p.out), i32.mul(get(p.r), i32.const(4 * k.out.row)))),
      scaleRow(context, k, rowOut, factor),
    ]),
  ]
}

/** What is added to the scores of one query, from the block's first key on. */
const maskLanes = (context: Context, k: AttentionKernel, p: Place) => {
  const { body } = context
  const mask = k.mask!
  const rowAt = body.local('i32')
  const place = unflatten(body, k.batch, p.batch)
  const load = { ...mask, operand: 0 }
  const lanes = new Lanes(
    context,
    load,
    () => get(p.mask),
    () => ({ outer: mask.strides, along: mask.strides.at(-1)! }),
  )
  return {
    prelude: [
      place.code,
      set(rowAt, i32.add(get(p.first), get(p.r))),
      lanes.prelude([...place.at, rowAt, p.start]),
    ] as Code,
    value: (n: number, position: { readonly bytes: number }): Code => lanes.value(n, position),
  }
}
