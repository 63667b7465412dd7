/** Queries on their way into attention, and results out of it, eight rows of a matrix at a time. */
import type { PlainAttentionKernel } from '../kernel.ts'
import { lanes, line, stats, type Layout } from './attention-layout.ts'
import { f32, f32x4, get, i32, set, v128, when, type Code } from './op.ts'
import type { Context } from './vector-ops.ts'

/** The function (rows, work, left) that puts eight queries side by side, those after the last as the last, and clears their results. */
export const beginFunction = ({ module }: Context, k: PlainAttentionKernel, layout: Layout): number => {
  const { row, column } = k.q
  const key = `attention begins ${JSON.stringify([k.depth, k.features, k.scale, row, column])}`
  return module.function(key, { params: ['i32', 'i32', 'i32'], results: [] }, (body) => {
    const rows = Array.from({ length: lanes }, () => body.local('i32'))
    const [to, by] = [body.local('i32'), body.local('i32')]
    const last = i32.sub(get(2), i32.const(1))
    return [
      rows.map((r, i) => [
        set(r, i32.const(i)),
        when(i32.geS(get(r), get(2)), set(r, last)),
        set(r, i32.add(get(0), i32.mul(get(r), i32.const(4 * row)))),
      ]),
      set(to, get(1)),
      set(by, i32.const(0)),
      body.repeat(i32.const(0), i32.const(k.depth), 1, () => [
        rows.map((r, i) =>
          f32.store(get(to), f32.mul(f32.load(i32.add(get(r), get(by))), f32.const(k.scale * Math.LOG2E)), 4 * i),
        ),
        set(to, i32.add(get(to), i32.const(line))),
        set(by, i32.add(get(by), i32.const(4 * column))),
      ]),
      // Results and sums are 0, maxima less than every score.
      set(to, i32.add(get(1), i32.const(layout.results))),
      body.repeat(i32.const(0), i32.const(k.features), 1, () => [
        [0, 16].map((v) => v128.store(get(to), f32x4.const(0), v)),
        set(to, i32.add(get(to), i32.const(line))),
      ]),
      [0, 16].map((v) => v128.store(get(to), f32x4.const(-1e30), stats.shift + v)),
      [0, 16].map((v) => v128.store(get(to), f32x4.const(0), stats.sums + v)),
    ]
  })
}

/** The function (rows, work, left) that stores the results of so many of eight queries, each divided by the sum of its weights. */
export const endFunction = ({ module }: Context, k: PlainAttentionKernel, layout: Layout): number => {
  const { row, column } = k.out
  const key = `attention ends ${JSON.stringify([k.depth, k.features, row, column])}`
  return module.function(key, { params: ['i32', 'i32', 'i32'], results: [] }, (body) => {
    const [from, to] = [body.local('i32'), body.local('i32')]
    const factors = [body.local('v128'), body.local('v128')]
    const values = [body.local('v128'), body.local('v128')]
    const own = i32.add(get(1), i32.const(layout.stats))
    const columns = (store: (lane: number) => Code): Code => [
      set(from, i32.add(get(1), i32.const(layout.results))),
      set(to, get(0)),
      body.repeat(i32.const(0), i32.const(k.features), 1, () => [
        values.map((v, i) => set(v, f32x4.mul(v128.load(get(from), 16 * i), get(factors[i]!)))),
        Array.from({ length: lanes }, (_, i) => store(i)),
        set(from, i32.add(get(from), i32.const(line))),
        set(to, i32.add(get(to), i32.const(4 * column))),
      ]),
    ]
    const one = (i: number): Code => v128.store32Lane(get(to), get(values[i >> 2]!), i & 3, 4 * i * row)
    return [
      factors.map((v, i) => set(v, f32x4.div(f32x4.const(1), v128.load(own, stats.sums + 16 * i)))),
      when(
        i32.geS(get(2), i32.const(lanes)),
        columns(one),
        columns((i) => when(i32.gtS(get(2), i32.const(i)), one(i))),
      ),
    ]
  })
}
