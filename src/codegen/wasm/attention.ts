/** Attention in one pass over the keys: scores of a block are never more than a tile. Dao et al. 2022; Milakov & Gimelshein 2018. */
import { size } from '../../core/shape.ts'
import type { AttentionKernel } from '../kernel.ts'
import { overElements, type Emitted } from './map.ts'
import { call, f32, f32x4, get, i32, nothing, set, when, type Code } from './op.ts'
import { scaleRow, softmaxRow, storeRow } from './softmax.ts'
import { addressOf, unflatten } from './space.ts'
import { tileFunction, tileRows, type Tile } from './tile.ts'
import type { Context } from './vector-ops.ts'

/** Queries of a block. */
const blockRows = 16
/** Keys of a block. */
const blockKeys = 512

/** Bytes of what a thread works on: scores, and of each query the largest score, the sum of exponentials, and a factor. */
export const attentionWork = (k: AttentionKernel): number => blockRows * (Math.min(blockKeys, ceil8(k.keys)) + 16) * 4

const ceil8 = (n: number): number => Math.ceil(n / 8) * 8

/** The tiles of so many rows against panels of B: `at` are the addresses of A, B and C, of which those of B and C move on. */
const tiles = (
  { module, body }: Context,
  rows: number,
  columns: number,
  t: Omit<Tile, 'rows' | 'vectors' | 'lanes'>,
  at: { readonly a: number; readonly b: number; readonly c: number },
): Code => {
  const depth = t.segments[0]!.length
  const each = tileRows(t.width)
  const [a, c] = [body.local('i32'), body.local('i32')]
  const panels = Math.floor(columns / t.width)
  const rest = columns - panels * t.width
  const panel = (vectors: number, lanes: number): Code => {
    const step = (n: number): Code => [
      call(tileFunction(module, { ...t, rows: n, vectors, lanes }), [get(a), get(at.b), get(c)]),
      set(a, i32.add(get(a), i32.const(4 * n * t.rowOfA))),
      set(c, i32.add(get(c), i32.const(4 * n * t.rowOfC))),
    ]
    const whole = Math.floor(rows / each)
    return [
      set(a, get(at.a)),
      set(c, get(at.c)),
      whole === 0 ? nothing : body.repeat(i32.const(0), i32.const(whole), 1, () => step(each)),
      rows % each === 0 ? nothing : step(rows % each),
      set(at.b, i32.add(get(at.b), i32.const(4 * t.width * depth))),
      set(at.c, i32.add(get(at.c), i32.const(4 * t.width))),
    ]
  }
  const last = Math.ceil(rest / 4)
  return [
    panels === 0 ? nothing : body.repeat(i32.const(0), i32.const(panels), 1, () => panel(t.width / 4, 4)),
    rest === 0 ? nothing : panel(last, rest - 4 * (last - 1)),
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
          const scores: Omit<Tile, 'rows' | 'vectors' | 'lanes'> = {
            width: 8,
            segments: [{ length: k.depth, jump: 0 }],
            rowOfA: k.q.row,
            rowOfC: most,
            adds: false,
          }
          const weighted = {
            width: k.valueWidth,
            segments: [{ length: count, jump: 0 }],
            rowOfA: most,
            rowOfC: k.out.row,
            adds: true,
          }
          const row = body.local('i32')
          return [
            set(at.a, get(q)),
            set(at.b, i32.add(get(keys), i32.mul(get(start), i32.const(keyPanel / 8)))),
            set(at.c, get(work)),
            tiles(inner, rows, wide, scores, at),
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
          t: Omit<Tile, 'rows' | 'vectors' | 'lanes'>,
          to: { readonly a: number; readonly b: number; readonly c: number },
          base: number,
          from: number,
        ): Code => {
          const panels = Math.floor(k.features / k.valueWidth)
          const rest = k.features - k.valueWidth * panels
          const panel = body.local('i32')
          const one = (columns: number): Code => [
            set(to.b, get(panel)),
            set(to.a, get(work)),
            tiles(c, n, columns, t, to),
            set(panel, i32.add(get(panel), i32.const(4 * k.valueWidth * k.keys))),
          ]
          return [
            set(panel, i32.add(get(base), i32.mul(get(from), i32.const(4 * k.valueWidth)))),
            panels === 0 ? nothing : body.repeat(i32.const(0), i32.const(panels), 1, () => one(k.valueWidth)),
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
