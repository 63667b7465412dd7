/** The products of attention: keys with eight queries, and values with their weights. */
import type { PlainAttentionKernel } from '../kernel.ts'
import { lanes, line, stats } from './attention-layout.ts'
import { exp2Below } from './math.ts'
import type { ModuleBuilder } from './module.ts'
import { brIf, call, f32x4, get, i32, loop, nothing, set, tee, v128, type Code } from './op.ts'
import { evenRows, tileRows, tiles, tilesFunction, type Tile } from './tile.ts'
import type { Context } from './vector-ops.ts'

/** The scores (keys, queries, scores) of eight queries with so many keys. */
export const scores = ({ module }: Context, k: PlainAttentionKernel, keys: number, at: Tiles): Code =>
  someTiles(module, keys, keyTile(k), at, (t) => tilesFunction(module, t))

/** Adds so many values (values, weights, results), weighted, to the results of eight queries. */
export const weighted = ({ module }: Context, k: PlainAttentionKernel, keys: number, at: Tiles): Code =>
  someTiles(module, k.features, { depth: keys, rowOfA: k.v.column, stepOfA: k.v.row, adds: true }, at, (t) =>
    tilesFunction(module, t),
  )

/**
 * The weights (keys, queries, weights, statistics) of eight queries for so many keys: powers of 2 of scores above a query's own base. Sums of
 * weights and the largest of those exponents are kept with the statistics.
 */
export const weights = (
  context: Context,
  k: PlainAttentionKernel,
  keys: number,
  [a, b, c, own]: readonly [Code, Code, Code, Code],
): Code => [
  someTiles(context.module, keys, keyTile(k), [a, b, c], (t) => exponentsFunction(context.module, t), [own]),
  call(powersFunction(context, keys), [c, own]),
]

type Tiles = readonly [Code, Code, Code]
type Rows = Pick<Tile, 'rowOfA' | 'stepOfA' | 'adds'> & { readonly depth: number }

const keyTile = (k: PlainAttentionKernel): Rows => ({
  depth: k.depth,
  rowOfA: k.k.row,
  stepOfA: k.k.column,
  adds: false,
})

/** Tiles of so many rows of A, whose elements lie anywhere, against eight columns. */
const someTiles = (
  module: ModuleBuilder,
  rows: number,
  { depth, ...t }: Rows,
  [a, b, c]: Tiles,
  functionOf: (t: Tile) => number,
  more: readonly Code[] = [],
): Code => {
  let before = 0
  return evenRows(rows, tileRows(lanes, module.engine)).map(({ rows: each, times }) => {
    const index = functionOf({
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
    return call(index, [atA, b, atC, i32.const(times), ...more])
  })
}

const pairwise = (f: (a: Code, b: Code) => Code, xs: readonly Code[]): Code =>
  xs.length === 1 ? xs[0]! : f(pairwise(f, xs.slice(0, xs.length >> 1)), pairwise(f, xs.slice(xs.length >> 1)))

/**
 * The function (scores, statistics) that makes the largest of so many scores of a query its base, negative: sums of products start from it.
 */
export const baseFunction = ({ module }: Context, keys: number): number =>
  module.function(`base ${keys}`, { params: ['i32', 'i32'], results: [] }, () =>
    [0, 16].map((v) => [
      v128.store(
        get(1),
        f32x4.neg(
          pairwise(
            f32x4.pmax,
            Array.from({ length: keys }, (_, i) => v128.load(get(0), line * i + v)),
          ),
        ),
        stats.shift + v,
      ),
      v128.store(get(1), f32x4.const(0), stats.most + v),
    ]),
  )

const two = [0, 1]

/** The function (keys, queries, exponents, times, statistics). */
const exponentsFunction = (module: ModuleBuilder, t: Tile): number =>
  module.function(
    `exponents ${JSON.stringify(t)}`,
    { params: ['i32', 'i32', 'i32', 'i32', 'i32'], results: [] },
    (body) =>
      tiles(body, t, {
        start: (_, v) => v128.load(get(4), stats.shift + 16 * v),
        finish: (sums) => [
          sums.map((row, i) => row.map((s, v) => v128.store(get(2), get(s), line * i + 16 * v))),
          two.map((v) =>
            v128.store(
              get(4),
              pairwise(f32x4.pmax, [v128.load(get(4), stats.most + 16 * v), ...sums.map((row) => get(row[v]!))]),
              stats.most + 16 * v,
            ),
          ),
        ],
      }),
  )

/** The function (exponents, statistics) that makes powers of 2 of so many rows, and adds them to the sums. */
const powersFunction = ({ module }: Context, rows: number): number =>
  module.function(`powers ${rows}`, { params: ['i32', 'i32'], results: [] }, (body) => {
    const [at, end, own] = [body.local('i32'), body.local('i32'), body.local('v128')]
    const totals = two.map(() => two.map(() => body.local('v128')))
    const some = (n: number): Code =>
      Array.from({ length: n }, (_, i) =>
        two.map((v) => [
          set(own, exp2Below(body, v128.load(get(at), line * i + 16 * v))),
          v128.store(get(at), get(own), line * i + 16 * v),
          set(totals[i]![v]!, f32x4.add(get(totals[i]![v]!), get(own))),
        ]),
      )
    return [
      totals.flat().map((t) => set(t, f32x4.const(0))),
      set(at, get(0)),
      rows < 2
        ? nothing
        : [
            set(end, i32.add(get(at), i32.const(line * (rows - (rows % 2))))),
            loop([some(2), brIf(0, i32.ne(tee(at, i32.add(get(at), i32.const(2 * line))), get(end)))]),
          ],
      rows % 2 === 0 ? nothing : some(1),
      two.map((v) =>
        v128.store(
          get(1),
          f32x4.add(v128.load(get(1), stats.sums + 16 * v), f32x4.add(get(totals[0]![v]!), get(totals[1]![v]!))),
          stats.sums + 16 * v,
        ),
      ),
    ]
  })
