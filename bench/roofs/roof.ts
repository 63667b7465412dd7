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
