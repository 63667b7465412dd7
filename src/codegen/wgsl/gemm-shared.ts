/**
 * Products on tiles in workgroup memory, for GPUs. A workgroup loads a tile of A and one of B, each element once, and every invocation computes
 * `rows` × 4 `wide` sums from them: an element of A is used by all columns of the tile, one of B by all its rows.
 *
 * Loads are coalesced: neighbours load vectors of four that lie side by side along K (A) and along a panel's columns (B). A's rows in workgroup
 * memory are a vector longer than they need be, and an invocation's rows are `down` apart: what a warp reads at a time lies in different banks, or is
 * one address. A step of four along K takes rows + 4 · wide vectors for 16 · rows · wide multiply-adds: 8 for 64 with 4 × 4 sums,
 * 12 for 128 with 8 × 4; 16 or 32 registers of sums leave room for several workgroups, which hide one another's waits. No GPU has been measured.
 *
 * Where C is small and K long, a tile alone would leave most of a GPU idle: `slices` of invocations take a part of K each (split K), and add up what
 * they have at the end.
 */
import { depthOf, type GemmKernel } from '../kernel.ts'
import { size } from '../../core/shape.ts'
import { batchAxes, batchStart, coordinates, rowsOf } from './gemm-rows.ts'
import { SharedOperands } from './gemm-shared-operands.ts'
import { SharedSums } from './gemm-shared-sums.ts'
import { finishOf } from './gemm-store.ts'
import { filling, fold, groupIndex, unflatten } from './grid.ts'
import type { Capabilities, Shader, Use } from './shader.ts'
import { layoutOf, type Shared } from './shared-tile.ts'
import { Block, ShaderWriter } from './writer.ts'

/** The code of a product, tile by tile. */
export const sharedShader = (k: GemmKernel, uses: readonly Use[], tile: Shared, caps: Capabilities): Shader => {
  const writer = new ShaderWriter(uses, caps)
  const { params } = writer
  const body = new Block(writer)
  const lies = layoutOf(tile)
  const lines = size(k.rows)
  const tiles = [size(k.batch), Math.ceil(k.n / (4 * lies.columns)), Math.ceil(lines / lies.lines)] as const
  const all = tiles[0] * tiles[1] * tiles[2]
  const number = body.let(groupIndex, 'w')
  body.add(`if (${number} >= ${params.int(all)}) { return; }`)
  // Workgroups that follow one another have the same columns: B's panel is in the cache.
  const [batch, column, row] = unflatten(body, number, ['', params.int(tiles[1]), params.int(tiles[2])]) as [
    string,
    string,
    string,
  ]
  const inBatch = unflatten(
    body,
    batch,
    batchAxes(k).map((i) => params.int(k.batch[i]!)),
  )
  const total = body.let(params.int(lines), 'm')
  const first = body.let(`${row} * ${lies.lines}u`, 'm')
  const operands = new SharedOperands(writer, body, k, tile, {
    column,
    start: batchStart(writer, k, { offset: 0, batch: k.b.batch }, inBatch),
  })
  const own = operands.lines.map((line) => body.let(`min(${first} + ${line}, ${total} - 1u)`, 'm'))
  const at = coordinates(writer, body, k.rows, own)
  writer.global(`var<workgroup> tile: array<vec4f, ${lies.vectors}>;`)
  const sums = new SharedSums(writer, body, k, tile)
  k.terms.forEach((term, i) => {
    const before = term.norm !== undefined && i > 0 ? sums.putBy() : undefined
    const a = rowsOf(writer, body, term, batchStart(writer, k, term.a, inBatch), at)
    const moments = operands.begin(term, a.first())
    a.walk(body, (block, run) => operands.run(block, term, run, moments, (inner) => sums.step(inner)))
    if (moments !== undefined) sums.normalise(term, moments, operands, before)
  })
  sums.together()
  sums.finish(finishOf(k), operands.vectors, { batch, total, first, column })
  return writer.finish({ size: [lies.invocations, 1, 1], body, workgroups: fold(all) })
}

/** Tiles that there are: large ones for large products, ever smaller ones in ever more slices of K for small ones. */
const tiles: readonly (Shared & { readonly rate: number })[] = [
  { down: 16, across: 16, rows: 8, wide: 1, slices: 1, deep: 16, rate: 1 },
  { down: 16, across: 16, rows: 4, wide: 1, slices: 1, deep: 16, rate: 0.85 },
  { down: 8, across: 8, rows: 4, wide: 1, slices: 4, deep: 4, rate: 0.6 },
  { down: 4, across: 4, rows: 4, wide: 1, slices: 16, deep: 4, rate: 0.45 },
  { down: 4, across: 4, rows: 1, wide: 1, slices: 16, deep: 4, rate: 0.25 },
  { down: 64, across: 1, rows: 2, wide: 1, slices: 4, deep: 4, rate: 0.25 },
]

/** More rows of C than this share what is loaded of B: and every tile more is more pipelines to compile. */
const mostFew = 8

/** The tiles for a product, best guess first: how much of them is used, how fast they are when there are enough, how many there are. */
export const sharedTiles = (
  k: GemmKernel,
  { maxInvocations, maxWorkgroupStorage }: Capabilities,
): readonly Shared[] => {
  const lines = size(k.rows)
  const cost = (t: (typeof tiles)[number]): number => {
    const lies = layoutOf(t)
    const [down, across] = [Math.ceil(lines / lies.lines), Math.ceil(k.n / (4 * lies.columns))]
    const count = size(k.batch) * down * across
    // A short K leaves slices without work.
    const used = Math.min(1, depthOf(k) / (4 * lies.depth))
    return (down * lies.lines * across * 4 * lies.columns) / (t.rate * Math.min(1, count / filling) * used)
  }
  return tiles
    .filter((t) => t.rows > 1 || lines <= mostFew)
    .filter((t) => layoutOf(t).invocations <= maxInvocations && 16 * layoutOf(t).vectors <= maxWorkgroupStorage)
    .toSorted((a, b) => cost(a) - cost(b))
    .map(({ rate: _, ...t }) => t)
}
