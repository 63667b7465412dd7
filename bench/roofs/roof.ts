/** What a machine can do at most, measured in the same run. */
import type { Group } from '../runners.ts'

/** Multiplications and additions, and bytes read plus bytes written by a copy, both a second; `of` is the peer that it bounds. */
export type Roof = {
  readonly group: Group
  readonly of: string
  readonly description: string
  readonly gflops: number
  readonly copy: number
}

/** A roof is the most that was ever seen: of two measurements of one machine the higher, since others may have used it during the lower. */
export const highest = (older: readonly Roof[], newer: readonly Roof[]): readonly Roof[] => {
  const same = (a: Roof, b: Roof): boolean => a.group === b.group && a.of === b.of
  return [
    ...older.filter((o) => !newer.some((n) => same(o, n))),
    ...newer.map((n) => {
      const o = older.find((r) => same(r, n) && r.description === n.description)
      return o === undefined ? n : { ...n, gflops: Math.max(o.gflops, n.gflops), copy: Math.max(o.copy, n.copy) }
    }),
  ]
}
