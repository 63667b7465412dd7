/**
 * Attention in one pass over the keys, which lie as they are: scores of a block are never more than a tile. Dao et al. 2022.
 *
 * Queries are the lanes of vectors, eight side by side: then keys and values are read one number at a time, from wherever they lie, and
 * maxima and sums of a query's scores (Milakov & Gimelshein 2018) are those of a lane.
 */
import { size } from '../../core/shape.ts'
import { ProgramError } from '../../errors.ts'
import type { Matrices, PlainAttentionKernel } from '../kernel.ts'
import type { Emitted } from './map.ts'
import { call, f32, f32x4, get, i32, nothing, set, v128, when, type Code } from './op.ts'
import { softmaxFunction } from './softmax.ts'
import { addressOf, unflatten } from './space.ts'
import type { ModuleBuilder } from './module.ts'
import { evenRows, tileRows, tilesFunction } from './tile.ts'
import type { Context } from './vector-ops.ts'

/** Keys of a block: so few that their scores stay in the cache, so many that scaling results down for a new maximum is seldom. */
const blockKeys = 64
/** Queries of a vector's pair. */
const lanes = 8
/** Bytes of a row of them. */
const line = 4 * lanes

/** Where a thread keeps what it works on: of each eight queries themselves, results and statistics; and scores. Bytes from the start. */
type Layout = { readonly results: number; readonly stats: number; readonly each: number; readonly scores: number }

const layoutOf = (k: PlainAttentionKernel, panels: number): Layout => {
  const results = line * k.depth
  const stats = results + line * k.features
  const each = stats + 2 * line
  return { results, stats, each, scores: panels * each }
}

/** Eights of queries that share a block of keys while it is near: fewer where there is little to share among threads. */
const panelsOf = (k: PlainAttentionKernel): number =>
  [8, 4, 2].find((n) => size(k.batch) * Math.floor(k.rows / (n * lanes)) >= 32) ?? 1

/** The code of attention; a part is a block of queries of one index of the batch. */
export const emitAttention = (k: PlainAttentionKernel, operand: (i: number) => Code): Emitted => {
  if (k.project !== undefined) throw new ProgramError('wasm: queries of attention are in memory')
  const panels = panelsOf(k)
  const blocks = Math.ceil(k.rows / (panels * lanes))
  const layout = layoutOf(k, panels)

  const code = (context: Context): Code => {
    const { body } = context
    const whole = Math.floor(k.keys / blockKeys)
    const rest = k.keys % blockKeys
    const [first, count] = [body.local('i32'), body.local('i32')]
    const [q, out] = [body.local('i32'), body.local('i32')]
    const [keyAt, valueAt, start, panel] = [body.local('i32'), body.local('i32'), body.local('i32'), body.local('i32')]
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

    return body.repeat(get(0), get(1), 1, (part) => {
      const place = unflatten(body, [size(k.batch), blocks], part)
      const [batch, block] = place.at as [number, number]
      const inBatch = unflatten(body, k.batch, batch)
      const baseOf = (m: Matrices): Code => addressOf(operand(m.operand), 4, m.offset, m.batch, inBatch.at)
      const ahead = (m: Matrices): Code => i32.mul(get(first), i32.const(4 * m.row))
      const mask = k.mask === undefined ? [] : [operand(k.mask.operand), get(batch)]
      const someKeys = (n: number): Code => [
        eachPanel([
          scores(context, k, n, [get(keyAt), at(0), scoresAt]),
          call(softmaxFunction(context, k, n), [
            scoresAt,
            at(layout.stats),
            at(layout.results),
            ...(k.mask === undefined
              ? []
              : [...mask, i32.add(get(first), i32.mul(get(panel), i32.const(lanes))), get(start)]),
          ]),
          weighted(context, k, n, [get(valueAt), scoresAt, at(layout.results)]),
        ]),
        set(keyAt, i32.add(get(keyAt), i32.const(4 * n * k.k.row))),
        set(valueAt, i32.add(get(valueAt), i32.const(4 * n * k.v.row))),
        set(start, i32.add(get(start), i32.const(n))),
      ]
      return [
        place.code,
        inBatch.code,
        set(first, i32.mul(get(block), i32.const(panels * lanes))),
        set(count, i32.divU(i32.add(i32.sub(i32.const(k.rows), get(first)), i32.const(lanes - 1)), i32.const(lanes))),
        when(i32.gtS(get(count), i32.const(panels)), set(count, i32.const(panels))),
        set(q, i32.add(baseOf(k.q), ahead(k.q))),
        set(out, i32.add(baseOf(k.out), ahead(k.out))),
        set(keyAt, baseOf(k.k)),
        set(valueAt, baseOf(k.v)),
        set(start, i32.const(0)),
        eachPanel(call(beginFunction(context, k, layout), [rowsFrom(q, k.q), at(0), left])),
        whole === 0 ? nothing : body.repeat(i32.const(0), i32.const(whole), 1, () => someKeys(blockKeys)),
        rest === 0 ? nothing : someKeys(rest),
        eachPanel(call(endFunction(context, k, layout), [rowsFrom(out, k.out), at(0), left])),
      ]
    })
  }
  return { count: k.keys === 0 ? 0 : size(k.batch) * blocks, code, work: layout.scores + line * blockKeys }
}

/** The function (rows, work, left) that puts eight queries side by side, those after the last as the last, and clears their results. */
const beginFunction = ({ module }: Context, k: PlainAttentionKernel, layout: Layout): number => {
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
      [0, 16].map((v) => v128.store(get(to), f32x4.const(-1e30), v)),
      [0, 16].map((v) => v128.store(get(to), f32x4.const(0), line + v)),
    ]
  })
}

/** The function (rows, work, left) that stores the results of so many of eight queries, each divided by the sum of its weights. */
const endFunction = ({ module }: Context, k: PlainAttentionKernel, layout: Layout): number => {
  const { row, column } = k.out
  const key = `attention ends ${JSON.stringify([k.depth, k.features, row, column])}`
  return module.function(key, { params: ['i32', 'i32', 'i32'], results: [] }, (body) => {
    const [from, to] = [body.local('i32'), body.local('i32')]
    const factors = [body.local('v128'), body.local('v128')]
    const values = [body.local('v128'), body.local('v128')]
    const stats = i32.add(get(1), i32.const(layout.stats))
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
      factors.map((v, i) => set(v, f32x4.div(f32x4.const(1), v128.load(stats, line + 16 * i)))),
      when(
        i32.geS(get(2), i32.const(lanes)),
        columns(one),
        columns((i) => when(i32.gtS(get(2), i32.const(i)), one(i))),
      ),
    ]
  })
}

/** The scores (keys, queries, scores) of eight queries with so many keys. */
const scores = ({ module }: Context, k: PlainAttentionKernel, keys: number, at: Tiles): Code =>
  someTiles(module, keys, { depth: k.depth, rowOfA: k.k.row, stepOfA: k.k.column, adds: false }, at)

/** Adds so many values (values, weights, results), weighted, to the results of eight queries. */
const weighted = ({ module }: Context, k: PlainAttentionKernel, keys: number, at: Tiles): Code =>
  someTiles(module, k.features, { depth: keys, rowOfA: k.v.column, stepOfA: k.v.row, adds: true }, at)

type Tiles = readonly [Code, Code, Code]

/** Tiles of so many rows of A, whose elements lie anywhere, against eight columns. */
const someTiles = (
  module: ModuleBuilder,
  rows: number,
  {
    depth,
    ...t
  }: { readonly depth: number; readonly rowOfA: number; readonly stepOfA: number; readonly adds: boolean },
  [a, b, c]: Tiles,
): Code => {
  let before = 0
  return evenRows(rows, tileRows(lanes)).map(({ rows: each, times }) => {
    const index = tilesFunction(module, {
      ...t,
      rows: each,
      vectors: lanes / 4,
      lanes: 4,
      width: lanes,
      segments: [{ length: depth, jump: 0 }],
      rowOfC: lanes,
    })
    const [atA, atC] = [i32.add(a, i32.const(4 * before * t.rowOfA)), i32.add(c, i32.const(line * before))]
    before += each * times
    return call(index, [atA, b, atC, i32.const(times)])
  })
}
