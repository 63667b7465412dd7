/**
 * Attention in one pass over the keys, which lie as they are: scores of a block are never more than a tile. Dao et al. 2022.
 *
 * Queries are the lanes of vectors, eight side by side: then keys and values are read one number at a time, from wherever they lie, and
 * maxima and sums of a query's scores are those of a lane. Weights are powers above a base that is fixed by the first keys, which costs
 * no second look at the scores; should one of them be too large for that, or a mask be added, the pass has its base rise with the
 * largest score so far (Milakov & Gimelshein 2018).
 */
import { size } from '../../core/shape.ts'
import { ProgramError } from '../../errors.ts'
import type { Matrices, PlainAttentionKernel } from '../kernel.ts'
import { blockOf, lanes, layoutOf, panelsOf, stats } from './attention-layout.ts'
import { beginFunction, endFunction } from './attention-rows.ts'
import { baseFunction, scores, weighted, weights } from './attention-tiles.ts'
import type { Emitted } from './map.ts'
import { call, f32x4, get, i32, nothing, set, v128, when, type Code } from './op.ts'
import { softmaxFunction } from './softmax.ts'
import { addressOf, unflatten } from './space.ts'
import type { Context } from './vector-ops.ts'

/** Keys whose largest score is the base. */
const baseKeys = 8
/** The largest power of 2 above the base that a weight may be: sums and results of so large ones are floats still. */
const mostPower = 64

/** The code of attention; a part is a block of queries of one index of the batch. */
export const emitAttention = (k: PlainAttentionKernel, operand: (i: number) => Code): Emitted => {
  if (k.project !== undefined) throw new ProgramError('wasm: queries of attention are in memory')
  const panels = panelsOf(k)
  const blocks = Math.ceil(k.rows / (panels * lanes))
  const layout = layoutOf(k, panels)
  const blockKeys = blockOf(k.keys)

  const code = (context: Context): Code => {
    const { body } = context
    const whole = Math.floor(k.keys / blockKeys)
    const rest = k.keys % blockKeys
    const [first, count] = [body.local('i32'), body.local('i32')]
    const [q, out] = [body.local('i32'), body.local('i32')]
    const [keys, keyAt, values, valueAt] = [body.local('i32'), body.local('i32'), body.local('i32'), body.local('i32')]
    const [start, panel, over] = [body.local('i32'), body.local('i32'), body.local('i32')]
    const work = get(2)
    const eachPanel = (each: Code): Code => [
      set(panel, i32.const(0)),
      body.repeat(i32.const(0), get(count), 1, () => [each, set(panel, i32.add(get(panel), i32.const(1)))]),
    ]
    const scoresAt = i32.add(work, i32.const(layout.scores))
    const at = (offset: number): Code =>
      i32.add(i32.add(work, i32.mul(get(panel), i32.const(layout.each))), i32.const(offset))
    const rowsFrom = (base: number, m: Matrices): Code =>
      i32.add(get(base), i32.mul(get(panel), i32.const(4 * lanes * m.row)))
    /** The queries from the panel's first to the last. */
    const left = i32.sub(i32.sub(i32.const(k.rows), get(first)), i32.mul(get(panel), i32.const(lanes)))
    const begin = call(beginFunction(context, k, layout), [rowsFrom(q, k.q), at(0), left])

    /** A pass over the keys, block by block. */
    const pass = (weigh: (n: number) => Code): Code => {
      const some = (n: number): Code => [
        eachPanel([weigh(n), weighted(context, k, n, [get(valueAt), scoresAt, at(layout.results)])]),
        set(keyAt, i32.add(get(keyAt), i32.const(4 * n * k.k.row))),
        set(valueAt, i32.add(get(valueAt), i32.const(4 * n * k.v.row))),
        set(start, i32.add(get(start), i32.const(n))),
      ]
      return [
        set(keyAt, get(keys)),
        set(valueAt, get(values)),
        set(start, i32.const(0)),
        whole === 0 ? nothing : body.repeat(i32.const(0), i32.const(whole), 1, () => some(blockKeys)),
        rest === 0 ? nothing : some(rest),
      ]
    }
    const byBase = (): Code => {
      const some = Math.min(baseKeys, k.keys)
      const beyond = (v: number): Code => f32x4.gt(v128.load(at(layout.stats), stats.most + v), f32x4.const(mostPower))
      return [
        eachPanel([
          begin,
          scores(context, k, some, [get(keys), at(0), scoresAt]),
          call(baseFunction(context, some), [scoresAt, at(layout.stats)]),
        ]),
        pass((n) => weights(context, k, n, [get(keyAt), at(0), scoresAt, at(layout.stats)])),
        set(over, i32.const(0)),
        eachPanel(set(over, i32.or(get(over), v128.anyTrue(v128.or(beyond(0), beyond(16)))))),
      ]
    }
    const byLargest = (mask: readonly Code[]): Code => [
      eachPanel(begin),
      pass((n) => [
        scores(context, k, n, [get(keyAt), at(0), scoresAt]),
        call(softmaxFunction(context, k, n), [scoresAt, at(layout.stats), at(layout.results), ...mask]),
      ]),
    ]

    return body.repeat(get(0), get(1), 1, (part) => {
      const place = unflatten(body, [size(k.batch), blocks], part)
      const [batch, block] = place.at as [number, number]
      const inBatch = unflatten(body, k.batch, batch)
      const baseOf = (m: Matrices): Code => addressOf(operand(m.operand), 4, m.offset, m.batch, inBatch.at)
      const ahead = (m: Matrices): Code => i32.mul(get(first), i32.const(4 * m.row))
      return [
        place.code,
        inBatch.code,
        set(first, i32.mul(get(block), i32.const(panels * lanes))),
        set(count, i32.divU(i32.add(i32.sub(i32.const(k.rows), get(first)), i32.const(lanes - 1)), i32.const(lanes))),
        when(i32.gtS(get(count), i32.const(panels)), set(count, i32.const(panels))),
        set(q, i32.add(baseOf(k.q), ahead(k.q))),
        set(out, i32.add(baseOf(k.out), ahead(k.out))),
        set(keys, baseOf(k.k)),
        set(values, baseOf(k.v)),
        k.mask === undefined
          ? [byBase(), when(get(over), byLargest([]))]
          : byLargest([
              operand(k.mask.operand),
              get(batch),
              i32.add(get(first), i32.mul(get(panel), i32.const(lanes))),
              get(start),
            ]),
        eachPanel(call(endFunction(context, k, layout), [rowsFrom(out, k.out), at(0), left])),
      ]
    })
  }
  return { count: k.keys === 0 ? 0 : size(k.batch) * blocks, code, work: layout.bytes }
}
