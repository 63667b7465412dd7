/** Attention in one pass over the keys: which ways there are. No matrix of scores is stored. */
import { size } from '../../core/shape.ts'
import type { PlainAttentionKernel } from '../kernel.ts'
import { aloneShader, type Alone } from './attention-alone.ts'
import { lanewiseShader, type Lanewise } from './attention-lanes.ts'
import { pieces } from './attention-projection.ts'
import { tileBytes, tiledShader, type Tiled } from './attention-tile.ts'
import { filling } from './grid.ts'
import type { Capabilities, Shader, Use } from './shader.ts'

/** A way to compute attention. */
export type AttentionVariant = { readonly family: 'PlainAttention' } & (
  | { readonly way: 'lanes'; readonly tile: Lanewise }
  | { readonly way: 'alone'; readonly tile: Alone }
  | { readonly way: 'tile'; readonly tile: Tiled }
)

/** Vectors that fit: beyond, what lies in memory takes as long to reach as it saves. Both software adapters agree. */
const mostHeld = 400

/** Floats of an invocation on a GPU that are surely in registers. */
const mostRegisters = 160

const lanewise = (k: PlainAttentionKernel, lanes: number): readonly Lanewise[] => {
  const vectors = Math.ceil(k.depth / lanes) + Math.ceil(k.features / lanes)
  const fits = Math.max(1, Math.floor(mostHeld / (vectors * lanes)))
  const wanted = Math.min(Math.ceil(k.rows / lanes), Math.floor(64 / lanes))
  const most = Math.min(fits, wanted)
  const tile = (groups: number, keys: number): Lanewise => ({ lanes, queries: groups * lanes, keys })
  const half = Math.ceil(most / 2)
  // Two keys repay what they take where there is little to do for each; where there is much, compiling them takes lavapipe 12 seconds.
  const keys = vectors < 10 ? [2, 1] : [1]
  const all = keys.flatMap((n) => [tile(most, n), tile(half, n)])
  return all.filter((t, i) => all.findIndex((o) => o.queries === t.queries && o.keys === t.keys) === i)
}

const alone = (k: PlainAttentionKernel, lanes: number): readonly Alone[] => {
  const numbers = k.depth + k.features
  const fits = [4, 2].filter((queries) => queries * numbers <= 96 && queries * lanes <= k.rows)
  return [...fits, ...(numbers <= 96 ? [1] : [])].map((queries) => ({ lanes, queries, keys: 1 }))
}

const tiled = (k: PlainAttentionKernel, { maxWorkgroupStorage, maxInvocations }: Capabilities): readonly Tiled[] => {
  const numbers = k.depth + k.features
  const parts = [1, 2, 4, 8, 16].find((p) => numbers / p <= mostRegisters) ?? 32
  const invocations = Math.min(64, maxInvocations)
  const room = Math.min(maxWorkgroupStorage, 16384)
  // Two queries share what is read for them, if there are enough of them.
  const fills = size(k.batch) * Math.ceil(k.rows / ((2 * invocations) / parts)) >= filling
  const queries = numbers * 2 > mostRegisters ? [1] : fills ? [2, 1] : [1, 2]
  const fits = (t: Tiled): boolean => tileBytes(k, t) <= room
  return queries.flatMap((q) => {
    const least: Tiled = { invocations, parts, queries: q, keys: 1 }
    const made = k.project === undefined ? [least] : pieces.map((deep) => ({ ...least, deep })).filter(fits)
    const [first] = made
    return first === undefined
      ? []
      : [32, 16, 8, 4, 2, 1]
          .map((keys) => ({ ...first, keys }))
          .filter(fits)
          .slice(0, 1)
  })
}

/** Multiply-adds of an invocation that take no longer than a kernel of their own would, some 10 µs; and workgroups that keep a GPU busy with more. */
const little = 16384
const busy = 256

/** Are queries made on such a tile as fast as by a product, which would spread them over more workgroups? */
const repays = (k: PlainAttentionKernel, { invocations, parts, queries }: Tiled): boolean => {
  const each = (queries * (k.project?.inner ?? 0) * k.depth) / parts
  return each <= little || size(k.batch) * Math.ceil(k.rows / ((queries * invocations) / parts)) >= busy
}

/**
 * Vectors that an invocation reads of workgroup memory for a key. On software adapters each is four loads, which lavapipe compiles for seconds (depth
 * 80: 16), and such tiles never win there: only small ones are worth a measurement.
 */
const loadsOf = ({ depth, features }: PlainAttentionKernel, { parts, queries }: Tiled): number =>
  queries * (Math.ceil(depth / (4 * parts)) + Math.ceil(features / (4 * parts)))
const cheap = 10

/** The ways to compute attention. */
export const attentionVariants = (k: PlainAttentionKernel, caps: Capabilities): readonly AttentionVariant[] => {
  const family = 'PlainAttention'
  const lanes = caps.subgroups ? caps.subgroupSize : 0
  const whole = lanes > 1 && lanes <= 16
  const byLanes = whole ? lanewise(k, lanes).map((tile) => ({ family, way: 'lanes', tile }) as const) : []
  const byAlone = alone(k, whole ? lanes : 1).map((tile) => ({ family, way: 'alone', tile }) as const)
  const tiles = caps.adapter === 'gpu' ? tiled(k, caps) : tiled(k, caps).filter((t) => loadsOf(k, t) <= cheap)
  const byTile = tiles.map((tile) => ({ family, way: 'tile', tile }) as const)
  // On software adapters queries are made here by subgroups: elsewhere a product of their own is faster.
  if (k.project !== undefined)
    return caps.adapter === 'gpu' ? byTile.filter(({ tile }) => repays(k, tile)) : whole ? [...byLanes, ...byAlone] : []
  if (caps.adapter === 'gpu') return [...byTile, ...byAlone]
  return [...byLanes, ...byAlone, ...byTile]
}

/** The code of attention. */
export const attentionShader = (
  k: PlainAttentionKernel,
  access: readonly Use[],
  variant: AttentionVariant,
  caps: Capabilities,
): Shader => {
  switch (variant.way) {
    case 'lanes':
      return lanewiseShader(k, access, variant.tile, caps)
    case 'alone':
      return aloneShader(k, access, variant.tile, caps)
    case 'tile':
      return tiledShader(k, access, variant.tile, caps)
  }
}
