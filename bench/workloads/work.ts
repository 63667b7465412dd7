/** What is measured: a fold over tensors, the same for every peer that runs our graphs. */
import type { Tensor } from 'diffold'

/** A tree of tensors, numbers and streams of noise. */
export type Tree = unknown

/** A fold: `inputs.reduce((state, t) => step(state, t, given), start)`, each step timed by itself with `seen` of its result read. */
export type Work = {
  readonly start: Tree
  readonly inputs: readonly Tree[]
  readonly given: Tree
  readonly step: (state: Tree, t: Tree, given: Tree) => Tree
  /** What every peer must agree on. */
  readonly seen: (state: Tree) => Tensor
  /** How often the step does what its figure is for: a kernel is chained, so that what goes in and out weighs little. */
  readonly repeats: number
}

/** A fold of given types, as a Work. */
export const work = <S, T, G>(fold: {
  readonly start: S
  readonly inputs: readonly T[]
  readonly given: G
  readonly step: (state: S, t: T, given: G) => S
  readonly seen: (state: S) => Tensor
  readonly repeats?: number
}): Work => ({
  ...fold,
  step: (state, t, given) => fold.step(state as S, t as T, given as G),
  seen: (state) => fold.seen(state as S),
  repeats: fold.repeats ?? 1,
})

/** Where the numbers of a workload are: files in Node, addresses in a page. */
export type Store = {
  readonly floats: (name: string) => Promise<Float32Array>
  /** A checkpoint, as `load` takes it. */
  readonly checkpoint: (name: string) => Parameters<typeof import('diffold').load>[1]
}

/** How large to make it: how many steps of a fold, and how long a chain of one kernel. */
export type Extent = { readonly steps: number; readonly chained: boolean }
