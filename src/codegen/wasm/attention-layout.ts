/** Where a thread keeps what it works on in attention. */
import { size } from '../../core/shape.ts'
import type { PlainAttentionKernel } from '../kernel.ts'

/** Queries side by side: the lanes of two vectors. */
export const lanes = 8
/** Bytes of a row of them. */
export const line = 4 * lanes

/** Keys of a block: so few that their scores stay in the cache, so many that results are seldom read and stored. */
export const blockOf = (keys: number): number => {
  const blocks = Math.ceil(keys / 96)
  return blocks === 1 ? keys : 4 * Math.ceil(keys / blocks / 4)
}

/**
 * Statistics of eight queries, bytes from their start. `shift` is what is taken from scores, the largest so far (less than 0 of it where the
 * base is fixed); `sums` of weights; `most`, the largest exponent of a weight above a fixed base.
 */
export const stats = { shift: 0, sums: line, most: 2 * line, bytes: 3 * line } as const

/** Of each eight queries themselves, results and statistics; and scores of a block. Bytes from the start. */
export type Layout = {
  readonly results: number
  readonly stats: number
  readonly each: number
  readonly scores: number
  readonly bytes: number
}

/** The layout for so many eights of queries. */
export const layoutOf = (k: PlainAttentionKernel, panels: number): Layout => {
  const results = line * k.depth
  const own = results + line * k.features
  const each = own + stats.bytes
  const scores = panels * each
  return { results, stats: own, each, scores, bytes: scores + line * blockOf(k.keys) }
}

/** Eights of queries that share a block of keys while it is near: fewer where there is little to share among threads. */
export const panelsOf = (k: PlainAttentionKernel): number =>
  [8, 4, 2].find((n) => size(k.batch) * Math.floor(k.rows / (n * lanes)) >= 32) ?? 1
