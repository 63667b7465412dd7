/** A graph in the order in which it is run, and when each value is needed for the last time. */
import { sources, toposort, type Graph, type Node } from '../graph/node.ts'

/** Computes one node, then frees the values that nothing after it reads. */
export type Step = { readonly node: Node; readonly frees: readonly Node[] }

/**
 * A program: `once` is what depends on no input, weights and constants among it, made at the first run, of which `kept` stay; `steps`
 * are what every run computes.
 */
export type Plan = {
  readonly graph: Graph
  readonly once: readonly Step[]
  readonly kept: readonly Node[]
  readonly steps: readonly Step[]
}

const schedule = (nodes: readonly Node[], survivors: ReadonlySet<Node>): Step[] => {
  const last = new Map<Node, Node>()
  for (const n of nodes) {
    last.set(n, n)
    for (const s of sources(n)) last.set(s, n)
  }
  const own = new Set(nodes)
  const frees = new Map<Node, Node[]>()
  for (const [n, at] of last) if (own.has(n) && !survivors.has(n)) frees.set(at, [...(frees.get(at) ?? []), n])
  return nodes.map((node) => ({ node, frees: frees.get(node) ?? [] }))
}

/** The plan of a graph. One without inputs is run for its own sake, perhaps once: it keeps nothing. */
export const plan = (graph: Graph): Plan => {
  const order = toposort(graph.outputs)
  const moving = new Set<Node>(graph.inputs.length === 0 ? order : [])
  for (const n of order) if (n._tag === 'Input' || sources(n).some((s) => moving.has(s))) moving.add(n)
  const every = order.filter((n) => moving.has(n) && n._tag !== 'Input')
  const fixed = order.filter((n) => !moving.has(n))
  const read = new Set<Node>([...every.flatMap((n) => [...sources(n)]), ...graph.outputs])
  const kept = fixed.filter((n) => read.has(n))
  return { graph, once: schedule(fixed, new Set(kept)), kept, steps: schedule(every, new Set(graph.outputs)) }
}
