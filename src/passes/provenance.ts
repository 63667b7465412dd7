/** Where the work of a kernel comes from: nodes of the graph, and parameters of the checkpoint. */
import {
  expressionsOf,
  origin,
  resultsOf,
  subexpressions,
  type Dispatch,
  type Expr,
  type Load,
  type Pick,
} from '../codegen/kernel.ts'
import type { Draft } from '../codegen/program.ts'
import type { Node } from '../graph/node.ts'
import { readsOf } from './uses.ts'

const picksOf = (l: Load): readonly Pick[] => l.picks.flatMap((p) => [p, ...picksOf(p.index)])

/** The nodes whose arithmetic an expression is. */
export const originsIn = (e: Expr): readonly Node[] =>
  subexpressions(e).flatMap((x) => {
    if (x._tag === 'Load') return picksOf(x).flatMap((p) => p[origin] ?? [])
    return 'xs' in x ? (x[origin] ?? []) : []
  })

/** The nodes that a kernel computes, sources first: those it is itself, and those whose arithmetic has come to be in its expressions. */
export const nodesOf = ({ kernel, nodes = [] }: Dispatch): readonly Node[] => {
  const inside = expressionsOf(kernel).flatMap(originsIn)
  // Nodes are numbered as they are made, after their sources.
  return [...new Set([...nodes, ...inside])].sort((a, b) => a.id - b.id)
}

/** Names of the parameters that buffers are, or are computed of. */
export const parametersOf = (program: Draft): ReadonlyMap<number, readonly string[]> => {
  const names = new Map<number, readonly string[]>()
  program.buffers.forEach(({ purpose }, id) => {
    if (purpose._tag === 'Leaf' && purpose.node.label !== undefined) names.set(id, [purpose.node.label])
  })
  for (const d of program.once) {
    const read = readsOf(d, program).flatMap((id) => names.get(id) ?? [])
    for (const id of d.operands.slice(0, resultsOf(d.kernel)))
      names.set(id, [...new Set([...(names.get(id) ?? []), ...read])])
  }
  return names
}

/** What paths have in common, whole names: `conv` of `conv.weight` and `conv.bias`; the first one and dots where that is nothing. */
export const commonPath = (paths: readonly string[]): string => {
  const [first, ...others] = paths.map((p) => p.split('.'))
  if (first === undefined) return ''
  const ends = first.findIndex((name, i) => others.some((o) => o[i] !== name))
  const common = ends < 0 ? first : first.slice(0, ends)
  return common.length > 0 ? common.join('.') : `${paths[0]} …`
}
