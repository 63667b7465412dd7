/** Who writes and who reads the buffers of a program at every run. */
import { resultsOf, type Dispatch } from '../codegen/kernel.ts'
import type { Draft } from '../codegen/program.ts'
import type { Node } from '../graph/node.ts'

/** Positions of dispatches, by buffer. */
export type Uses = {
  readonly writers: ReadonlyMap<number, readonly number[]>
  readonly readers: ReadonlyMap<number, readonly number[]>
}

/** Buffers that a dispatch reads, those that its panels are still to be packed from among them. */
export const readsOf = (d: Dispatch, { panels }: Pick<Draft, 'panels'>): readonly number[] =>
  d.operands.slice(resultsOf(d.kernel)).flatMap((id) => {
    const parts = panels.get(id)?.parts
    return parts === undefined ? [id] : [id, ...parts.map((p) => p.b.operand)]
  })
/** Buffers that a dispatch writes. */
export const writesOf = (d: Dispatch): readonly number[] => d.operands.slice(0, resultsOf(d.kernel))

/** The nodes of two dispatches that become one. */
export const bothNodes = (a: Dispatch, b: Dispatch): readonly Node[] => [
  ...new Set([...(a.nodes ?? []), ...(b.nodes ?? [])]),
]

/** Writers and readers of every buffer at every run. */
export const usesOf = (draft: Draft): Uses => {
  const writers = new Map<number, number[]>()
  const readers = new Map<number, number[]>()
  const add = (to: Map<number, number[]>, id: number, at: number): void => {
    const there = to.get(id)
    if (there === undefined) to.set(id, [at])
    else if (there.at(-1) !== at) there.push(at)
  }
  draft.every.forEach((d, at) => {
    for (const id of writesOf(d)) add(writers, id, at)
    for (const id of readsOf(d, draft)) add(readers, id, at)
  })
  return { writers, readers }
}
