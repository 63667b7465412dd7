/** The innermost loop of every product: a tile of C in registers, over all of K. */
import { f32x4, brIf, block, get, i32, loop, nothing, set, tee, v128, type Code } from './op.ts'
import { elementBytes, type Element, type Segment } from '../kernel.ts'
import { decoded } from './lanes.ts'
import type { Engine } from './engine.ts'
import { madd } from './madd.ts'
import type { Body, ModuleBuilder } from './module.ts'

/** Everything about a tile that its code depends on. Strides are in elements. */
export type Tile = {
  readonly rows: number
  /** Vectors of four columns, and lanes of the last of them that are stored. */
  readonly vectors: number
  readonly lanes: number
  /** Columns of a panel of B. */
  readonly width: number
  readonly segments: readonly Segment[]
  readonly rowOfA: number
  /** From one element of a row of A to the next; 1 unless given. */
  readonly stepOfA?: number
  readonly rowOfC: number
  /** Is the tile added to what is there? */
  readonly adds: boolean
  /** Do sums start from a row of numbers, as many as the panel has columns? */
  readonly bias?: Element
}

/**
 * Rows of a tile of so many columns: V8 has 15 vector registers, for accumulators, one row of B, one element of A and, unless products are added
 * in the same instruction, a temporary.
 */
export const tileRows = (width: number, { relaxed, large }: Engine): number =>
  width === 12 ? 3 : width === 8 ? (relaxed && large ? 6 : 4) : 8

/** So many rows as few tiles of at most `most` rows, and those as equal as can be: one row more, then one less. */
export const evenRows = (rows: number, most: number): readonly { readonly rows: number; readonly times: number }[] => {
  const tiles = Math.ceil(rows / most)
  const each = Math.floor(rows / tiles)
  const larger = rows - each * tiles
  return [
    { rows: each + 1, times: larger },
    { rows: each, times: tiles - larger },
  ].filter((t) => t.times > 0 && t.rows > 0)
}

/** What sums of products start from, and what becomes of them: locals, row by row. */
export type Ends = {
  readonly start: (row: number, vector: number) => Code
  readonly finish: (sums: readonly (readonly number[])[]) => Code
}

/** The function (a, b, c, times) of so many tiles below each other, at least one; with a bias, also where that is. */
export const tilesFunction = (module: ModuleBuilder, t: Tile): number => {
  const params = ['i32', 'i32', 'i32', 'i32', ...(t.bias === undefined ? [] : (['i32'] as const))] as const
  return module.function(`tiles ${JSON.stringify(t)}`, { params, results: [] }, (body) => {
    const row = Array.from({ length: t.vectors }, () => body.local('v128'))
    const { bias } = t
    const start = (i: number, v: number): Code =>
      bias === undefined
        ? f32x4.const(0)
        : i === 0
          ? tee(row[v]!, decoded({ module, body }, bias, rawOf(bias, get(4), v)))
          : get(row[v]!)
    return tiles(body, t, { start, finish: storeTile(body, t, 2) })
  })
}

/** Tiles below each other: parameters are a, b, c and how many there are. */
export const tiles = (body: Body, t: Tile, ends: Ends): Code => {
  const [a, b] = [body.local('i32'), body.local('i32')]
  return loop([
    set(a, get(0)),
    set(b, get(1)),
    tileCode(body, t, a, b, ends),
    set(0, i32.add(get(0), i32.const(4 * t.rows * t.rowOfA))),
    set(2, i32.add(get(2), i32.const(4 * t.rows * t.rowOfC))),
    brIf(0, tee(3, i32.sub(get(3), i32.const(1)))),
  ])
}

/** Four numbers in a row, as they are kept. */
const rawOf = (element: Element, at: Code, vector: number): Code =>
  elementBytes(element) === 4 ? v128.load(at, 16 * vector) : v128.load16x4U(at, 8 * vector)

/** Stores a tile at c, added to what is there or in its place. */
const storeTile = (body: Body, t: Tile, c: number): Ends['finish'] => {
  const put = (sum: number, i: number, j: number): Code => {
    const at = 4 * (i * t.rowOfC + 4 * j)
    const value = t.adds ? f32x4.add(v128.load(get(c), at), get(sum)) : get(sum)
    if (j < t.vectors - 1 || t.lanes === 4) return v128.store(get(c), value, at)
    const own = body.local('v128')
    return [
      set(own, value),
      t.lanes >= 2 ? v128.store64Lane(get(c), get(own), 0, at) : nothing,
      t.lanes % 2 === 1 ? v128.store32Lane(get(c), get(own), t.lanes - 1, at + 4 * (t.lanes - 1)) : nothing,
    ]
  }
  return (sums) => sums.map((row, i) => row.map((s, j) => put(s, i, j)))
}

/**
 * One tile; a and b are moved. V8 before 13.6 moves all loads of a basic block before its arithmetic, and so runs out of registers unless
 * blocks are short: branches that are never taken, on an address that is never 0, keep them so.
 */
const tileCode = (body: Body, t: Tile, a: number, b: number, { start, finish }: Ends): Code => {
  const sums = Array.from({ length: t.rows }, () => Array.from({ length: t.vectors }, () => body.local('v128')))
  const bs = Array.from({ length: t.vectors }, () => body.local('v128'))
  const [x, end] = [body.local('v128'), body.local('i32')]
  const { large } = body.engine
  const unroll = t.width === 12 ? 1 : 2
  const every = t.width === 12 ? 2 : 4
  const line = t.width * 4
  const stepOfA = t.stepOfA ?? 1

  const step = (u: number, out: number | undefined, last: boolean): Code => [
    bs.map((v, j) => set(v, v128.load(get(b), u * line + 16 * j))),
    sums.map((row, i) => {
      const cut =
        out !== undefined && !large && ((i + 1) % every === 0 ? i + 1 < t.rows || !last : i + 1 === t.rows && !last)
      return [
        set(x, v128.load32Splat(get(a), 4 * (i * t.rowOfA + u * stepOfA))),
        row.map((sum, j) => set(sum, madd(body, get(x), get(bs[j]!), get(sum)))),
        cut ? brIf(out, i32.eqz(get(b))) : nothing,
      ]
    }),
  ]
  const run = ({ length, jump }: Segment): Code => {
    const whole = Math.floor(length / unroll)
    const rest = length % unroll
    const inner = Array.from({ length: unroll }, (_, u) => step(u, 1, u === unroll - 1))
    const many: Code =
      whole === 0
        ? nothing
        : [
            set(end, i32.add(get(b), i32.const(whole * unroll * line))),
            block(
              loop([
                inner,
                set(a, i32.add(get(a), i32.const(4 * unroll * stepOfA))),
                brIf(0, i32.ne(tee(b, i32.add(get(b), i32.const(unroll * line))), get(end))),
              ]),
            ),
          ]
    const few = Array.from({ length: rest }, (_, u) => step(u, undefined, true))
    const forward = 4 * (rest * stepOfA + jump)
    return [
      many,
      few,
      forward === 0 ? nothing : set(a, i32.add(get(a), i32.const(forward))),
      rest === 0 ? nothing : set(b, i32.add(get(b), i32.const(rest * line))),
    ]
  }
  return [sums.map((row, i) => row.map((s, j) => set(s, start(i, j)))), t.segments.map(run), finish(sums)]
}
