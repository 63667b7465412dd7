/** What a kernel costs beside its work: a chain of small ones against the same work in one. */
import { chainOfSmall, sameInOne } from '../workloads/kernels.ts'
import type { Group } from '../runners.ts'
import type { Row } from './rows.ts'
import { columns, figures, groups } from './table.ts'

/** Nanoseconds a kernel. */
export type Overhead = { readonly group: Group; readonly peer: string; readonly ns: number }

const idOf = (kernel: { readonly id: string }): string => `K.${kernel.id}`

/** For every peer that ran both. The time of a link of a chain is that of the chain over its links. */
export const overheads = (rows: readonly Row[]): readonly Overhead[] =>
  rows.flatMap((chain): Overhead[] => {
    if (chain.workload !== idOf(chainOfSmall)) return []
    const { group, peer } = chain
    const one = rows.find((r) => r.workload === idOf(sameInOne) && r.group === group && r.peer === peer)
    if (one === undefined || !one.right || !chain.right) return []
    const { links } = chainOfSmall
    return [{ group, peer, ns: (1e6 * (links * chain.least - one.least)) / (links - 1) }]
  })

/** A line a peer. */
export const overheadTable = (rows: readonly Row[]): string => {
  const known = overheads(rows)
  return known.length === 0
    ? ''
    : columns([
        ['overhead of a kernel', 'µs'],
        ...known.map(({ group, peer, ns }) => [
          `  ${peer}, ${groups[group]}`,
          ns > 0 ? figures(ns / 1000) : 'lost in noise',
        ]),
      ])
}
