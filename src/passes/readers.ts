/** What passes ask of a graph: who reads a node, and what is the same at every run. */
import { sources, toposort, type Graph, type Node } from '../graph/node.ts'

/** Nodes that read each node, once for each time they do. */
export const readersOf = (graph: Graph): ReadonlyMap<Node, readonly Node[]> => {
  const readers = new Map<Node, Node[]>()
  for (const n of toposort(graph.outputs))
    for (const s of sources(n)) {
      const there = readers.get(s)
      if (there === undefined) readers.set(s, [n])
      else there.push(n)
    }
  return readers
}

/** A graph with its readers and what depends on no input. */
export type Known = {
  readonly order: readonly Node[]
  readonly readers: ReadonlyMap<Node, readonly Node[]>
  /** Is it the same at every run? In a graph without inputs nothing is kept, and nothing counts as such. */
  readonly isFixed: (n: Node) => boolean
  /** Does exactly one node read it, and is it no output? */
  readonly isLone: (n: Node) => boolean
}

/** What there is to know of a graph. */
export const known = (graph: Graph): Known => {
  const order = toposort(graph.outputs)
  const readers = readersOf(graph)
  const moving = new Set<Node>()
  for (const n of order) if (n._tag === 'Input' || sources(n).some((s) => moving.has(s))) moving.add(n)
  const outputs = new Set(graph.outputs)
  return {
    order,
    readers,
    isFixed: (n) => graph.inputs.length > 0 && !moving.has(n),
    isLone: (n) => readers.get(n)?.length === 1 && !outputs.has(n),
  }
}

/** Is it a reshape that keeps the last axis? */
export const keepsColumns = (n: Node): n is Extract<Node, { readonly _tag: 'View' }> =>
  n._tag === 'View' && n.view._tag === 'Reshape' && n.x.shape.at(-1) === n.shape.at(-1)
