/**
 * Products in registers alone: an invocation or a subgroup computes a tile of C. No workgroup memory: software adapters have none, and a
 * tile that is read from it took them longer than one that is loaded (lavapipe 0.4 × of TensorFlow.js; this 5–6 ×).
 */
import { depthOf, type GemmKernel } from '../kernel.ts'
import { size } from '../../core/shape.ts'
import { batchAxes, batchStart, coordinates, rowsOf } from './gemm-rows.ts'
import { finishOf, isPaired } from './gemm-store.ts'
import { Sums } from './gemm-sums.ts'
import { fold, groupIndex, unflatten } from './grid.ts'
import type { Capabilities, Shader, Use } from './shader.ts'
import { Block, ShaderWriter } from './writer.ts'

/**
 * `lanes` > 1: a subgroup of so many computes the tile: lanes lie along columns; an element of A is loaded by one lane, which has its row, and
 * broadcast. A load costs the same whatever it loads (lavapipe: 8 lanes one by one, 90 instructions), so that a tile of r × c costs
 * (r + c) / lanes loads for every row of B, and wide tiles win. `lanes` = 1: every invocation has a tile of its own.
 */
export type Tile = { readonly rows: number; readonly columns: number; readonly lanes: number }

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const is16 = (k: GemmKernel): boolean => k.b.element !== 'f32'
const invocations = 64

/** The code of a product, tile by tile. */
export const tileShader = (k: GemmKernel, access: readonly Use[], tile: Tile, caps: Capabilities): Shader => {
  const writer = new ShaderWriter(access, caps)
  const { params } = writer
  const body = new Block(writer)
  const { rows, columns, lanes } = tile
  const lines = size(k.rows)
  const perPanel = k.width / columns
  const tiles = [size(k.batch), Math.ceil(k.n / k.width) * perPanel, Math.ceil(lines / rows)] as const
  const all = tiles[0] * tiles[1] * tiles[2]
  const index = lanes > 1 ? groupIndex : `${groupIndex} * ${invocations}u + lid`
  const number = body.let(index, 'w')
  body.add(`if (${number} >= ${params.int(all)}) { return; }`)
  const [batch, column, row] = unflatten(body, number, ['', params.int(tiles[1]), params.int(tiles[2])]) as [
    string,
    string,
    string,
  ]
  const axes = batchAxes(k)
  const inBatch = unflatten(
    body,
    batch,
    axes.map((i) => params.int(k.batch[i]!)),
  )
  const map = finishOf(k)
  const paired = isPaired(k, map) || is16(k)
  const lane = lanes > 1 ? 'lane' : '0u'
  const total = body.let(params.int(lines), 'm')
  const first = body.let(`${row} * ${rows}u`, 'm')
  const slots = range(rows / lanes).map((t) => {
    const own = lanes > 1 ? `${first} + ${t * lanes}u + lane` : `${first} + ${t}u`
    return body.let(`min(${own}, ${total} - 1u)`, 'm')
  })
  const at = coordinates(writer, body, k.rows, slots)
  const sums = new Sums(writer, body, k, tile, paired)
  const start = batchStart(writer, k, { offset: 0, batch: k.b.batch }, inBatch)
  const panel = perPanel === 1 ? column : body.let(`${column} / ${params.int(perPanel)}`, 'n')
  const inPanel = perPanel === 1 ? [] : [`(${column} - ${panel} * ${params.int(perPanel)}) * ${columns}u`]
  const place = [start, `${panel} * ${params.int(depthOf(k) * k.width)}`, ...inPanel].join(' + ')
  const b = is16(k)
    ? body.var(`((${place}) >> 1u) + ${lane}`, 'b')
    : body.var(`${place} + ${paired ? `2u * ${lane}` : lane}`, 'b')
  k.terms.forEach((term, i) => {
    const rowsOfA = rowsOf(writer, body, term, batchStart(writer, k, term.a, inBatch), at)
    sums.term(term, i > 0, rowsOfA.first, (inner) => rowsOfA.walk(inner, (block, run) => sums.run(block, term, run, b)))
  })
  const count = `min(${rows}u, ${total} - ${first})`
  sums.finish(map, `${batch} * ${total} + ${first}`, count, body.let(`${column} * ${columns}u`, 'n'))
  const workgroups = fold(lanes > 1 ? all : Math.ceil(all / invocations))
  return writer.finish({
    size: [lanes > 1 ? lanes : invocations, 1, 1],
    body,
    workgroups,
    ...(lanes > 1 ? { builtins: { lane: 'subgroup_invocation_id' }, enables: ['subgroups'] } : {}),
  })
}
