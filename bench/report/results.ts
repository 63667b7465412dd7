/** What runs have measured, as it is kept in `results.json`. */
import type { Cold } from '../cold.ts'
import { highest, type Roof } from '../roofs/roof.ts'
import { runners } from '../runners.ts'
import { workloads } from '../workloads/catalogue.ts'
import { goalsOf, reached } from './goals.ts'
import { overheads } from './overhead.ts'
import { withRatios, type Gap, type Row } from './rows.ts'

/** All that a run measured. */
export type Results = {
  readonly roofs: readonly Roof[]
  readonly rows: readonly Row[]
  readonly cold: readonly Cold[]
  readonly gaps: readonly Gap[]
}

type Cell = { readonly workload: string; readonly group: string; readonly peer: string }
const cellOf = ({ workload, group, peer }: Cell): string => `${workload} ${group} ${peer}`

/** The newer ones, and of the older what they do not replace. */
const over = <A>(older: readonly A[], newer: readonly A[], keyOf: (a: A) => string): readonly A[] => {
  const known = new Set(newer.map(keyOf))
  return [...older.filter((a) => !known.has(keyOf(a))), ...newer]
}

const inOrder = <A extends Cell>(cells: readonly A[]): readonly A[] => {
  const at = ({ workload, group, peer }: Cell): number =>
    workloads.findIndex((w) => w.id === workload) * runners.length +
    runners.findIndex((r) => r.group === group && r.id === peer)
  return cells.toSorted((a, b) => at(a) - at(b))
}

/** Two runs as one: what was measured again is as the later one says, ratios among them. */
export const merged = (older: Results, newer: Results): Results => {
  const measured = new Set([...newer.rows, ...newer.gaps].map(cellOf))
  const kept = <A extends Cell>(cells: readonly A[]): readonly A[] => cells.filter((c) => !measured.has(cellOf(c)))
  return {
    roofs: highest(older.roofs, newer.roofs),
    rows: withRatios(inOrder([...kept(older.rows), ...newer.rows])),
    cold: over(older.cold, newer.cold, (c) => `${c.peer} ${c.threads}`),
    gaps: inOrder([...kept(older.gaps), ...newer.gaps]),
  }
}

/** As text, with what follows from it for those who read no tables. */
export const written = (results: Results): string => {
  const goals = goalsOf(results).map((g) => ({ ...g, reached: reached(g) ?? 'open' }))
  return `${JSON.stringify({ ...results, overheads: overheads(results.rows), goals }, undefined, 2)}\n`
}

/** From text. What is no number in JSON was none. */
export const parsed = (text: string): Results => {
  const { roofs, rows, cold, gaps } = JSON.parse(text) as Results
  return { roofs, cold, gaps, rows: rows.map((r) => ({ ...r, apart: (r.apart as number | null) ?? NaN })) }
}
