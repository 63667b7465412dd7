/** One peer with one workload, in a process or a page of its own. */

import type { Facts } from '../facts.ts'

/** Times in milliseconds, one a step. */
export type Times = readonly number[]

/** What a peer can do once its workload is ready. */
export interface Peer {
  /** What it is, in words, with its version and device. */
  readonly description: string
  /** The whole fold, each step timed with its result read. */
  readonly repeat: () => Promise<Times>
  /** What the last fold gave. */
  readonly result: () => Float32Array
  /** What its program is made of, where it is ours. */
  readonly facts?: () => Promise<Facts>
}

/** The fold as a peer runs it: `step` gives the next state and the values that are compared. */
export const folding = <S, T>(
  description: string,
  start: S,
  inputs: readonly T[],
  step: (state: S, t: T) => Promise<{ readonly state: S; readonly seen: Float32Array }>,
  free: (state: S) => void = () => undefined,
): Peer => {
  let last: Float32Array = new Float32Array(0)
  return {
    description,
    repeat: async () => {
      const times: number[] = []
      let state = start
      for (const t of inputs) {
        const from = performance.now()
        const next = await step(state, t)
        times.push(performance.now() - from)
        if (state !== start) free(state)
        ;({ state, seen: last } = next)
      }
      if (state !== start) free(state)
      return times
    },
    result: () => last,
  }
}
