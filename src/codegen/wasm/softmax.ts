/** Scores on their way through attention: exponentials below the largest score so far. Milakov & Gimelshein 2018. */
import type { PlainAttentionKernel } from '../kernel.ts'
import { line, stats } from './attention-layout.ts'
import { Lanes } from './lanes.ts'
import { exp2Below } from './math.ts'
import { brIf, f32x4, get, i32, loop, nothing, set, tee, v128, when, type Code } from './op.ts'
import { unflatten } from './space.ts'
import type { Context } from './vector-ops.ts'

/**
 * The function (scores, stats, results) that turns the scores of eight queries with so many keys, over ln 2, into powers of 2 below the largest
 * so far. What has been summed is scaled down when that changes. Statistics are the largest, and the sums. With a mask, which is added to
 * the scores first: (…, mask, batch, first query, first key).
 */
export const softmaxFunction = (context: Context, k: PlainAttentionKernel, keys: number): number => {
  const masked = k.mask !== undefined
  const key = `softmax ${JSON.stringify([keys, k.features, k.mask, masked && k.batch, masked && k.rows])}`
  const params = Array.from({ length: masked ? 7 : 3 }, () => 'i32' as const)
  return context.module.function(key, { params, results: [] }, (body) => {
    const inner: Context = { ...context, body }
    const two = (): readonly [number, number] => [body.local('v128'), body.local('v128')]
    const [before, shift, factors] = [two(), two(), two()]
    // Several of each at once, for one waits for the last.
    const [largest, totals] = [
      [two(), two()],
      [two(), two()],
    ]
    const [at, end, own] = [body.local('i32'), body.local('i32'), body.local('v128')]
    const copies = keys % 2 === 0 ? 2 : 1
    const each = (
      rows: number,
      base: Code,
      count: number,
      f: (copy: number, v: number, bytes: number) => Code,
    ): Code => [
      set(at, base),
      set(end, i32.add(get(at), i32.const(line * count))),
      loop([
        Array.from({ length: rows }, (_, copy) => [0, 1].map((v) => f(copy, v, line * copy + 16 * v))),
        brIf(0, i32.ne(tee(at, i32.add(get(at), i32.const(line * rows))), get(end))),
      ]),
    ]
    const changed = v128.or(f32x4.ne(get(before[0]), get(shift[0])), f32x4.ne(get(before[1]), get(shift[1])))
    return [
      masked ? addMask(inner, k, keys) : nothing,
      [0, 1].map((v) => [
        set(before[v]!, v128.load(get(1), stats.shift + 16 * v)),
        largest.map((l) => set(l[v]!, get(before[v]!))),
        totals.map((t) => set(t[v]!, f32x4.const(0))),
      ]),
      each(copies, get(0), keys, (copy, v, bytes) => {
        const most = largest[copy]![v]!
        return set(most, f32x4.pmax(get(most), v128.load(get(at), bytes)))
      }),
      [0, 1].map((v) => [
        set(shift[v]!, f32x4.pmax(get(largest[0]![v]!), get(largest[1]![v]!))),
        v128.store(get(1), get(shift[v]!), stats.shift + 16 * v),
      ]),
      each(copies, get(0), keys, (copy, v, bytes) => {
        const total = totals[copy]![v]!
        return [
          set(own, exp2Below(body, f32x4.sub(v128.load(get(at), bytes), get(shift[v]!)))),
          v128.store(get(at), get(own), bytes),
          set(total, f32x4.add(get(total), get(own))),
        ]
      }),
      [0, 1].map((v) => set(totals[0]![v]!, f32x4.add(get(totals[0]![v]!), get(totals[1]![v]!)))),
      when(v128.anyTrue(changed), [
        [0, 1].map((v) => [
          set(factors[v]!, exp2Below(body, f32x4.sub(get(before[v]!), get(shift[v]!)))),
          v128.store(get(1), f32x4.mul(get(factors[v]!), v128.load(get(1), stats.sums + 16 * v)), stats.sums + 16 * v),
        ]),
        each(1, get(2), k.features, (_, v, bytes) =>
          v128.store(get(at), f32x4.mul(get(factors[v]!), v128.load(get(at), bytes)), bytes),
        ),
      ]),
      [0, 1].map((v) =>
        v128.store(get(1), f32x4.add(v128.load(get(1), stats.sums + 16 * v), get(totals[0]![v]!)), stats.sums + 16 * v),
      ),
    ]
  })
}

/** Adds what the mask says of eight queries and so many keys, over ln 2. Queries after the last get anything. */
const addMask = (context: Context, k: PlainAttentionKernel, keys: number): Code => {
  const { body } = context
  const mask = k.mask!
  const [score, key, bytes] = [body.local('i32'), body.local('i32'), body.local('i32')]
  const place = unflatten(body, k.batch, 4)
  const along = mask.strides.at(-2)!
  const motion = (): { readonly outer: readonly number[]; readonly along: number } => ({
    outer: [...mask.strides.slice(0, -2), mask.strides.at(-1)!],
    along,
  })
  const lanes = new Lanes(context, mask, () => get(3), motion)
  /** So many lanes of the vector that starts at the given query. */
  const add = (v: number, n: number): Code =>
    n <= 0
      ? nothing
      : [
          set(bytes, i32.mul(i32.add(get(5), i32.const(4 * v)), i32.const(4))),
          v128.store(
            get(score),
            f32x4.add(v128.load(get(score), 16 * v), f32x4.mul(lanes.value(n, { bytes }), f32x4.const(Math.LOG2E))),
            16 * v,
          ),
        ]
  const rest = k.rows % 8
  const all = (): Code => [add(0, 4), add(1, 4)]
  const last = i32.geS(i32.add(get(5), i32.const(8 - 1)), i32.const(k.rows))
  return [
    place.code,
    set(score, get(0)),
    body.repeat(i32.const(0), i32.const(keys), 1, (i) => [
      set(key, i32.add(get(6), get(i))),
      lanes.prelude([...place.at, key]),
      rest === 0 || along === 0 ? all() : when(last, [add(0, Math.min(4, rest)), add(1, rest - 4)], all()),
      set(score, i32.add(get(score), i32.const(line))),
    ]),
  ]
}
