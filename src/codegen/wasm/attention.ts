/** Attention in one pass over the keys: scores of a block are never more than a tile. Dao et al. 2022; Milakov & Gimelshein 2018. */
import { size } from '../../core/shape.ts'
import type { AttentionKernel } from '../kernel.ts'
import { Lanes } from './lanes.ts'
import { overElements, type Emitted } from './map.ts'
import * as math from './math.ts'
import { call, f32, f32x4, get, i32, nothing, set, v128, when, type Code } from './op.ts'
import { addressOf, unflatten } from './space.ts'
import { tileFunction, type Tile } from './tile.ts'
import type { Context } from './vector-ops.ts'

/** Queries of a block. */
const blockRows = 16
/** Keys of a block. */
const blockKeys = 512

/** Bytes of what a thread works on: scores, and of each query the largest score, the sum of exponentials, and a factor. */
export const attentionWork = (k: AttentionKernel): number => blockRows * (Math.min(blockKeys, ceil8(k.keys)) + 16) * 4

const ceil8 = (n: number): number => Math.ceil(n / 8) * 8

const horizontal = (f: (x: Code, y: Code) => Code, v: number): Code =>
  f(f(f32x4.extract(get(v), 0), f32x4.extract(get(v), 1)), f(f32x4.extract(get(v), 2), f32x4.extract(get(v), 3)))

/** The tiles of so many rows against so many panels: `at` are the addresses of A, B and C, which move. */
const tiles = (
  { module, body }: Context,
  rows: number,
  columns: number,
  t: Omit<Tile, 'rows' | 'vectors' | 'lanes' | 'width'>,
  at: { readonly a: number; readonly b: number; readonly c: number },
  whole: boolean,
): Code => {
  const depth = t.segments[0]!.length
  const [a, c] = [body.local('i32'), body.local('i32')]
  const panels = Math.floor(columns / 8)
  const rest = columns - panels * 8
  const panel = (vectors: number, lanes: number): Code => {
    const step = (n: number): Code => [
      call(tileFunction(module, { ...t, rows: n, vectors, lanes, width: 8 }), [get(a), get(at.b), get(c)]),
      set(a, i32.add(get(a), i32.const(4 * n * t.rowOfA))),
      set(c, i32.add(get(c), i32.const(4 * n * t.rowOfC))),
    ]
    const four = Math.floor(rows / 4)
    return [
      set(a, get(at.a)),
      set(c, get(at.c)),
      four === 0 ? nothing : body.repeat(i32.const(0), i32.const(four), 1, () => step(4)),
      rows % 4 === 0 ? nothing : step(rows % 4),
      set(at.b, i32.add(get(at.b), i32.const(32 * depth))),
      set(at.c, i32.add(get(at.c), i32.const(32))),
    ]
  }
  const last = Math.ceil(rest / 4)
  return [
    panels === 0 ? nothing : body.repeat(i32.const(0), i32.const(panels), 1, () => panel(2, 4)),
    rest === 0 ? nothing : whole ? panel(2, 4) : panel(last, rest - 4 * (last - 1)),
  ]
}

/** The code of attention. Its operands are the result, queries, packed keys, packed values, what threads work on, and the mask's. */
export const emitAttention = (k: AttentionKernel, operand: (i: number) => Code): Emitted => {
  const batches = size(k.batch)
  const blocks = Math.ceil(k.rows / blockRows)
  const most = Math.min(blockKeys, ceil8(k.keys))
  const line = most * 4
  const wholeBlocks = Math.floor(k.keys / most)
  const restKeys = k.keys - wholeBlocks * most
  const restRows = k.rows % blockRows
  const keyPanel = 32 * k.depth

  /** Everything about a block of so many queries. */
  const block = (context: Context, rows: number): number =>
    context.module.function(
      `attention ${JSON.stringify(k)} ${rows}`,
      { params: Array.from({ length: 8 }, () => 'i32' as const), results: [] },
      (body) => {
        const inner: Context = { ...context, body }
        // Addresses: queries, keys, values, result, work; the batch, the first query, the mask.
        const [q, keys, values, out, work, batch, first, mask] = [0, 1, 2, 3, 4, 5, 6, 7] as const
        const [stats, at] = [body.local('i32'), { a: body.local('i32'), b: body.local('i32'), c: body.local('i32') }]
        const start = body.local('i32')
        const chunk = (count: number): Code => {
          const wide = ceil8(count)
          const scores: Omit<Tile, 'rows' | 'vectors' | 'lanes' | 'width'> = {
            segments: [{ length: k.depth, jump: 0 }],
            rowOfA: k.q.row,
            rowOfC: most,
            adds: false,
          }
          const weighted = { segments: [{ length: count, jump: 0 }], rowOfA: most, rowOfC: k.out.row, adds: true }
          const row = body.local('i32')
          return [
            set(at.a, get(q)),
            set(at.b, i32.add(get(keys), i32.mul(get(start), i32.const(keyPanel / 8)))),
            set(at.c, get(work)),
            tiles(inner, rows, wide, scores, at, true),
            body.repeat(i32.const(0), i32.const(rows), 1, (r) => [
              set(row, i32.add(get(work), i32.mul(get(r), i32.const(line)))),
              softmaxRow(inner, k, count, { row, stats, out, r, batch, first, start, mask }),
            ]),
            set(at.a, get(work)),
            // Panels of values hold all keys; those of this block are in the middle.
            set(at.c, get(out)),
            valuePanels(inner, rows, weighted, at, values, start),
          ]
        }
        const valuePanels = (
          c: Context,
          n: number,
          t: Omit<Tile, 'rows' | 'vectors' | 'lanes' | 'width'>,
          to: { readonly a: number; readonly b: number; readonly c: number },
          base: number,
          from: number,
        ): Code => {
          const panels = Math.floor(k.features / 8)
          const rest = k.features - 8 * panels
          const panel = body.local('i32')
          const one = (columns: number): Code => [
            set(to.b, get(panel)),
            set(to.a, get(work)),
            tiles(c, n, columns, t, to, false),
            set(panel, i32.add(get(panel), i32.const(32 * k.keys))),
          ]
          return [
            set(panel, i32.add(get(base), i32.mul(get(from), i32.const(32)))),
            panels === 0 ? nothing : body.repeat(i32.const(0), i32.const(panels), 1, () => one(8)),
            rest === 0 ? nothing : one(rest),
          ]
        }
        const rowOut = body.local('i32')
        return [
          set(stats, i32.add(get(work), i32.const(blockRows * line))),
          body.repeat(i32.const(0), i32.const(rows), 1, (r) => [
            set(rowOut, i32.add(get(out), i32.mul(get(r), i32.const(4 * k.out.row)))),
            overElements(inner, k.features, (lanes, bytes) => storeRow(inner, rowOut, bytes, lanes, f32x4.const(0))),
            f32.store(i32.add(get(stats), i32.mul(get(r), i32.const(8))), f32.const(-1e30)),
            f32.store(i32.add(get(stats), i32.mul(get(r), i32.const(8))), f32.const(0), 4),
          ]),
          set(start, i32.const(0)),
          wholeBlocks === 0
            ? nothing
            : body.repeat(i32.const(0), i32.const(wholeBlocks), 1, () => [
                chunk(most),
                set(start, i32.add(get(start), i32.const(most))),
              ]),
          restKeys === 0 ? nothing : chunk(restKeys),
          body.repeat(i32.const(0), i32.const(rows), 1, (r) => {
            const factor = body.local('v128')
            const sum = f32.load(i32.add(get(stats), i32.mul(get(r), i32.const(8))), 4)
            return [
              set(rowOut, i32.add(get(out), i32.mul(get(r), i32.const(4 * k.out.row)))),
              set(factor, f32x4.splat(f32.div(f32.const(1), sum))),
              scaleRow(inner, k, rowOut, factor),
            ]
          }),
        ]
      },
    )

  const code = (context: Context): Code => {
    const { body } = context
    const full = restRows === blockRows || k.rows < blockRows ? undefined : block(context, blockRows)
    const rest = restRows === 0 ? undefined : block(context, restRows)
    const work = body.local('i32')
    return [
      set(work, i32.add(operand(4), i32.mul(get(2), i32.const(attentionWork(k))))),
      body.repeat(get(0), get(1), 1, (part) => {
        const place = unflatten(body, [batches, blocks], part)
        const [batch, row] = place.at as [number, number]
        const inBatch = unflatten(body, k.batch, batch)
        const first = body.local('i32')
        const rowsAt = (base: Code, side: AttentionKernel['q']): Code =>
          i32.add(addressOf(base, 4, side.offset, side.batch, inBatch.at), i32.mul(get(first), i32.const(4 * side.row)))
        const args = [
          rowsAt(operand(1), k.q),
          addressOf(operand(2), 4, 0, k.keyBatch, inBatch.at),
          addressOf(operand(3), 4, 0, k.valueBatch, inBatch.at),
          rowsAt(operand(0), k.out),
          get(work),
          get(batch),
          get(first),
          k.mask === undefined ? i32.const(0) : operand(5),
        ]
        const prepare = [place.code, inBatch.code, set(first, i32.mul(get(row), i32.const(blockRows)))]
        if (full === undefined) return [prepare, call(rest!, args)]
        if (rest === undefined) return [prepare, call(full, args)]
        return [prepare, when(i32.eq(get(row), i32.const(blocks - 1)), call(rest, args), call(full, args))]
      }),
    ]
  }
  return { count: batches * blocks, code }
}

const storeRow = ({ body }: Context, row: number, bytes: number, lanes: number, value: Code): Code => {
  const at = i32.add(get(row), get(bytes))
  if (lanes === 4) return v128.store(at, value)
  const own = body.local('v128')
  return [
    set(own, value),
    lanes >= 2 ? v128.store64Lane(at, get(own), 0) : nothing,
    lanes % 2 === 1 ? v128.store32Lane(at, get(own), lanes - 1, 4 * (lanes - 1)) : nothing,
  ]
}

const scaleRow = (context: Context, k: AttentionKernel, row: number, factor: number): Code =>
  overElements(context, k.features, (lanes, bytes) =>
    storeRow(context, row, bytes, lanes, f32x4.mul(v128.load(i32.add(get(row), get(bytes))), get(factor))),
  )

type Place = {
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
const softmaxRow = (context: Context, k: AttentionKernel, count: number, p: Place): Code => {
  const { body } = context
  const [largest, total, factor, shift] = [
    body.local('v128'),
    body.local('v128'),
    body.local('v128'),
    body.local('v128'),
  ]
  const [before, now, rowOut, stat] = [body.local('f32'), body.local('f32'), body.local('i32'), body.local('i32')]
  const at = (bytes: number): Code => i32.add(get(p.row), get(bytes))
  const real = (value: Code, lanes: number, otherwise: number): Code =>
    lanes === 4
      ? value
      : v128.select(value, f32x4.const(otherwise), v128.const([0, 1, 2, 3].map((i) => (i < lanes ? -1 : 0))))
  const masked = k.mask === undefined ? undefined : maskLanes(context, k, p)
  const scaled = (lanes: number, bytes: number): Code => {
    const value = f32x4.mul(v128.load(at(bytes)), f32x4.const(k.scale * Math.LOG2E))
    if (masked === undefined) return value
    return f32x4.add(value, f32x4.mul(masked.value(lanes, { bytes }), f32x4.const(Math.LOG2E)))
  }
  const own = body.local('v128')
  return [
    masked === undefined ? nothing : masked.prelude,
    set(largest, f32x4.const(-Infinity)),
    overElements(context, count, (lanes, bytes) => [
      set(own, real(scaled(lanes, bytes), lanes, -Infinity)),
      v128.store(at(bytes), get(own)),
      set(largest, f32x4.pmax(get(largest), get(own))),
    ]),
    set(stat, i32.add(get(p.stats), i32.mul(get(p.r), i32.const(8)))),
    set(before, f32.load(get(stat))),
    set(now, f32.max(get(before), horizontal(f32.max, largest))),
    set(shift, f32x4.splat(get(now))),
    set(total, f32x4.const(0)),
    overElements(context, count, (_, bytes) => [
      set(own, math.exp2(body, f32x4.sub(v128.load(at(bytes)), get(shift)))),
      v128.store(at(bytes), get(own)),
      set(total, f32x4.add(get(total), get(own))),
    ]),
    set(factor, math.exp2(body, f32x4.splat(f32.sub(get(before), get(now))))),
    f32.store(get(stat), get(now)),
    f32.store(
      get(stat),
      f32.add(f32.mul(f32.load(get(stat), 4), f32x4.extract(get(factor), 0)), horizontal(f32.add, total)),
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
