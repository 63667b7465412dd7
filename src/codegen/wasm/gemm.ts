/** Products: blocks of rows of C, each over all panels of B while its rows of A are near. */
import { size } from '../../core/shape.ts'
import { depthOf, type GemmKernel, type Term } from '../kernel.ts'
import { epilogueCall } from './epilogue.ts'
import type { Emitted } from './map.ts'
import type { Body, ModuleBuilder } from './module.ts'
import { block, br, brIf, call, get, i32, loop, nothing, select, set, when, type Code } from './op.ts'
import { addressOf, unflatten } from './space.ts'
import { tileFunction, tileRows } from './tile.ts'
import type { Context } from './vector-ops.ts'

/** Rows of a block: so many that its part of B is read from memory seldom, so few that its rows of A and C stay in the cache. */
const blockRows = 96

const least = (x: Code, y: number): Code => select(x, i32.const(y), i32.ltS(x, i32.const(y)))

/** The tiles of one line of rows against one panel: whole ones, then the rest. */
const lineOfTiles = (
  { module, body }: { readonly module: ModuleBuilder; readonly body: Body },
  k: GemmKernel,
  term: Term,
  length: Code,
  most: number,
  vectors: number,
  lanes: number,
  at: { readonly a: number; readonly b: number; readonly c: number },
): Code => {
  const rows = tileRows(k.width)
  const [rowOfA, rowOfC] = [term.a.rows.at(-1)!, k.c.rows.at(-1)!]
  const tile = (n: number): number =>
    tileFunction(module, {
      rows: n,
      vectors,
      lanes,
      width: k.width,
      segments: term.segments,
      rowOfA,
      rowOfC,
      adds: term !== k.terms[0],
    })
  const [a, c, left] = [body.local('i32'), body.local('i32'), body.local('i32')]
  const one = (n: number): Code => [
    call(tile(n), [get(a), get(at.b), get(c)]),
    set(a, i32.add(get(a), i32.const(4 * n * rowOfA))),
    set(c, i32.add(get(c), i32.const(4 * n * rowOfC))),
    set(left, i32.sub(get(left), i32.const(n))),
  ]
  const whole: Code = most < rows ? nothing : whileAtLeast(left, rows, one(rows))
  const rest = (n: number): Code => (n === 0 ? nothing : [rest(n - 1), when(i32.eq(get(left), i32.const(n)), one(n))])
  return [
    set(a, get(at.a)),
    set(c, get(at.c)),
    set(left, length),
    whole,
    when(get(left), rest(Math.min(rows - 1, most))),
  ]
}

const whileAtLeast = (left: number, n: number, body: Code): Code =>
  block(loop([brIf(1, i32.ltS(get(left), i32.const(n))), body, br(0)]))

/** The code of a product; a part is a block of rows of one batch. */
export const emitGemm = (k: GemmKernel, operand: (i: number) => Code): Emitted => {
  const line = k.rows.at(-1)!
  const lines = size(k.rows.slice(0, -1))
  // A block is a piece of a long line, or several short lines.
  const long = line > blockRows
  const pieces = long ? Math.ceil(line / blockRows) : 1
  const perPiece = long ? blockRows : line
  const perBlock = long ? 1 : Math.max(1, Math.floor(blockRows / line))
  const blocks = Math.ceil(lines / perBlock)
  const count = size(k.batch) * blocks * pieces
  const depth = depthOf(k)
  /** Rows of B before those of a term. */
  const before = (i: number): number => depthOf({ ...k, terms: k.terms.slice(0, i) })
  const panels = Math.ceil(k.n / k.width)
  const full = Math.floor(k.n / k.width)
  const rest = k.n - full * k.width

  const code = (context: Context): Code => {
    const { body } = context
    const [first, last, start, length] = [body.local('i32'), body.local('i32'), body.local('i32'), body.local('i32')]
    const at = { a: body.local('i32'), b: body.local('i32'), c: body.local('i32') }
    const basesA = k.terms.map(() => body.local('i32'))
    const [baseB, baseC] = [body.local('i32'), body.local('i32')]
    const finish = k.epilogue && epilogueCall(context, k.epilogue, operand)
    return body.repeat(get(0), get(1), 1, (part) => {
      const place = unflatten(body, [size(k.batch), blocks, pieces], part)
      const [batch, block, piece] = place.at as [number, number, number]
      const inBatch = unflatten(body, k.batch, batch)
      const tiles = (vectors: number, lanes: number): Code =>
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
            set(at.c, i32.add(along(baseC, k.c.rows), get(column))),
            k.terms.map((term, i) => [
              set(at.a, along(basesA[i]!, term.a.rows)),
              set(at.b, i32.add(get(panel), i32.const(4 * k.width * before(i)))),
              lineOfTiles(context, k, term, get(length), perPiece, vectors, lanes, at),
            ]),
          ]
        })
      const [column, panel] = [body.local('i32'), body.local('i32')]
      // Rows as they lie in C.
      const rowOf = (block: number): Code =>
        i32.mul(i32.add(i32.mul(get(batch), i32.const(lines)), get(block)), i32.const(line))
      const from = i32.add(rowOf(first), get(start))
      const to = long ? i32.add(from, get(length)) : rowOf(last)
      return [
        place.code,
        inBatch.code,
        set(first, i32.mul(get(block), i32.const(perBlock))),
        set(last, least(i32.add(get(first), i32.const(perBlock)), lines)),
        set(start, i32.mul(get(piece), i32.const(perPiece))),
        set(length, least(i32.const(perPiece), line)),
        long ? set(length, i32.sub(least(i32.add(get(start), i32.const(perPiece)), line), get(start))) : nothing,
        k.terms.map(({ operand: from, a }, i) =>
          set(basesA[i]!, addressOf(operand(from), 4, a.offset, a.batch, inBatch.at)),
        ),
        set(baseB, addressOf(operand(1), 4, 0, k.b.batch, inBatch.at)),
        set(baseC, addressOf(operand(0), 4, k.c.offset, k.c.batch, inBatch.at)),
        set(panel, get(baseB)),
        set(column, i32.const(0)),
        full === 0
          ? nothing
          : body.repeat(i32.const(0), i32.const(full), 1, () => [
              tiles(k.width / 4, 4),
              set(panel, i32.add(get(panel), i32.const(4 * depth * k.width))),
              set(column, i32.add(get(column), i32.const(4 * k.width))),
            ]),
        panels === full ? nothing : tiles(Math.ceil(rest / 4), ((rest - 1) % 4) + 1),
        finish === undefined ? nothing : finish(from, to),
      ]
    })
  }
  return { count, code }
}
