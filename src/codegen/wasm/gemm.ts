/** Products: blocks of rows of C, each over all panels of B while its rows of A are near. */
import { size } from '../../core/shape.ts'
import { depthOf, elementBytes, type GemmKernel, type Load, type Term } from '../kernel.ts'
import { biasOf } from './bias.ts'
import type { Engine } from './engine.ts'
import { epilogueCall } from './epilogue.ts'
import type { Emitted } from './map.ts'
import { call, get, i32, nothing, select, set, when, type Code } from './op.ts'
import { addressOf, unflatten } from './space.ts'
import { tileRows, tilesFunction } from './tile.ts'
import type { Context } from './vector-ops.ts'
import { leastWork, mostPieces, workOf } from './work.ts'

/** Rows of a block: so many that its part of B is read from memory seldom, so few that its rows of A and C stay in the cache. */
const blockRows = 96

/** Into how many groups panels are parted: as few as give every thread something to do, if there is enough. */
const groupsOf = (k: GemmKernel, parts: number, panels: number): number =>
  Math.max(1, Math.min(panels, Math.ceil(Math.min(mostPieces, workOf(k) / leastWork) / parts)))

const least = (x: Code, y: number): Code => select(x, i32.const(y), i32.ltS(x, i32.const(y)))

/** Locals with addresses. */
type Places = {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly bias: number
}

/** The tiles of one line of rows against one panel: whole ones, then the rest. */
const lineOfTiles = (
  { module }: Context,
  k: GemmKernel,
  term: Term,
  length: Code,
  most: number,
  { vectors, lanes }: Panel,
  bias: Load | undefined,
  at: Places,
): Code => {
  const rows = tileRows(k.width, module.engine)
  const [rowOfA, rowOfC] = [term.a.rows.at(-1)!, k.c.rows.at(-1)!]
  const tiles = (n: number, times: Code): Code =>
    call(
      tilesFunction(module, {
        rows: n,
        vectors,
        lanes,
        width: k.width,
        segments: term.segments,
        rowOfA,
        rowOfC,
        adds: term !== k.terms[0],
        ...(bias === undefined ? {} : { bias: bias.element }),
      }),
      [get(at.a), get(at.b), get(at.c), times, ...(bias === undefined ? [] : [get(at.bias)])],
    )
  const whole = i32.divU(length, i32.const(rows))
  const left = i32.remU(length, i32.const(rows))
  const forward = (local: number, row: number): Code =>
    set(local, i32.add(get(local), i32.mul(i32.sub(length, left), i32.const(4 * row))))
  const rest = (n: number): Code =>
    n === 0 ? nothing : [rest(n - 1), when(i32.eq(left, i32.const(n)), tiles(n, i32.const(1)))]
  return [
    most < rows ? nothing : when(whole, tiles(rows, whole)),
    when(left, [forward(at.a, rowOfA), forward(at.c, rowOfC), rest(Math.min(rows - 1, most))]),
  ]
}

/** Vectors of a panel, and lanes of the last of them. */
type Panel = { readonly vectors: number; readonly lanes: number }

/** The code of a product; a part is a block of rows of one batch, and where there are few of those, a group of panels. */
export const emitGemm = (k: GemmKernel, operand: (i: number) => Code, engine: Engine): Emitted => {
  const line = k.rows.at(-1)!
  const lines = size(k.rows.slice(0, -1))
  // A block is a piece of a long line, or several short lines.
  const long = line > blockRows
  const each = tileRows(k.width, engine)
  const perPiece = long ? each * Math.ceil(line / Math.ceil(line / blockRows) / each) : line
  const pieces = Math.ceil(line / perPiece)
  const atOnce = long ? 1 : Math.max(1, Math.floor(blockRows / line))
  const perBlock = Math.ceil(lines / Math.ceil(lines / atOnce))
  const blocks = Math.ceil(lines / perBlock)
  const panels = Math.ceil(k.n / k.width)
  const full = Math.floor(k.n / k.width)
  const lastColumns = k.n - full * k.width
  const perGroup = Math.ceil(panels / groupsOf(k, size(k.batch) * blocks * pieces, panels))
  const groups = Math.ceil(panels / perGroup)
  const depth = depthOf(k)
  const { bias, rest } = biasOf(k)
  /** Rows of B before those of a term. */
  const before = (i: number): number => depthOf({ ...k, terms: k.terms.slice(0, i) })

  const code = (context: Context): Code => {
    const { body } = context
    const [first, last, start, length] = [body.local('i32'), body.local('i32'), body.local('i32'), body.local('i32')]
    const at: Places = { a: body.local('i32'), b: body.local('i32'), c: body.local('i32'), bias: body.local('i32') }
    const basesA = k.terms.map(() => body.local('i32'))
    const [baseB, baseC, end] = [body.local('i32'), body.local('i32'), body.local('i32')]
    const finish = (columns: number) => rest && epilogueCall(context, rest, operand, columns)
    const [finishAll, finishLast] = [finish(perGroup * k.width), finish(k.n - (groups - 1) * perGroup * k.width)]
    return body.repeat(get(0), get(1), 1, (part) => {
      const place = unflatten(body, [size(k.batch), blocks, pieces, groups], part)
      const [batch, block, piece, group] = place.at as [number, number, number, number]
      const inBatch = unflatten(body, k.batch, batch)
      const tiles = (panel: Code, kind: Panel): Code => [
        bias === undefined
          ? nothing
          : set(
              at.bias,
              i32.add(
                addressOf(operand(bias.operand), elementBytes(bias.element), bias.offset, [], []),
                i32.mul(panel, i32.const(elementBytes(bias.element) * k.width)),
              ),
            ),
        body.repeat(get(first), get(last), 1, (row) => {
          const where = unflatten(body, k.rows.slice(0, -1), row)
          const along = (base: number, rows: readonly number[]): Code =>
            i32.add(
              addressOf(get(base), 4, 0, rows.slice(0, -1), where.at),
              i32.mul(get(start), i32.const(4 * rows.at(-1)!)),
            )
          // Terms after the first are added to what is there.
          return [
            where.code,
            k.terms.map((term, i) => [
              set(at.c, i32.add(along(baseC, k.c.rows), i32.mul(panel, i32.const(4 * k.width)))),
              set(at.a, along(basesA[i]!, term.a.rows)),
              set(at.b, i32.add(get(baseB), i32.mul(panel, i32.const(4 * depth * k.width)))),
              before(i) === 0 ? nothing : set(at.b, i32.add(get(at.b), i32.const(4 * k.width * before(i)))),
              lineOfTiles(context, k, term, get(length), perPiece, kind, bias, at),
            ]),
          ]
        }),
      ]
      // Rows as they lie in C.
      const rowOf = (block: number): Code =>
        i32.mul(i32.add(i32.mul(get(batch), i32.const(lines)), get(block)), i32.const(line))
      const from = i32.add(rowOf(first), get(start))
      const to = long ? i32.add(from, get(length)) : rowOf(last)
      const firstPanel = i32.mul(get(group), i32.const(perGroup))
      const isLast = i32.eq(get(group), i32.const(groups - 1))
      const whole: Code = body.repeat(firstPanel, get(end), 1, (p) => tiles(get(p), { vectors: k.width / 4, lanes: 4 }))
      const partial = tiles(i32.const(full), {
        vectors: Math.ceil(lastColumns / 4),
        lanes: ((lastColumns - 1) % 4) + 1,
      })
      const finished = (f: typeof finishAll): Code =>
        f === undefined ? nothing : f(from, to, i32.mul(get(group), i32.const(perGroup * k.width)))
      return [
        place.code,
        inBatch.code,
        set(first, i32.mul(get(block), i32.const(perBlock))),
        set(last, least(i32.add(get(first), i32.const(perBlock)), lines)),
        set(start, i32.mul(get(piece), i32.const(perPiece))),
        set(
          length,
          long ? i32.sub(least(i32.add(get(start), i32.const(perPiece)), line), get(start)) : i32.const(line),
        ),
        k.terms.map(({ operand: from, a }, i) =>
          set(basesA[i]!, addressOf(operand(from), 4, a.offset, a.batch, inBatch.at)),
        ),
        set(baseB, addressOf(operand(1), 4, 0, k.b.batch, inBatch.at)),
        set(baseC, addressOf(operand(0), 4, k.c.offset, k.c.batch, inBatch.at)),
        set(end, least(i32.add(firstPanel, i32.const(perGroup)), full)),
        full === 0 ? nothing : when(i32.ltS(firstPanel, get(end)), whole),
        lastColumns === 0 ? nothing : groups === 1 ? partial : when(isLast, partial),
        groups === 1 ? finished(finishLast) : when(isLast, finished(finishLast), finished(finishAll)),
      ]
    })
  }
  return { count: size(k.batch) * blocks * pieces * groups, code }
}
