/** Work by definition: two operations for every multiplication and addition of products and convolutions. */
import { sources, toposort, type Graph, type Node } from 'diffold'

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

const own = (n: Node): number => {
  if (n._tag === 'Dot') return 2 * size(n.shape) * n.x.shape.at(-1)!
  if (n._tag === 'Conv') return 2 * size(n.shape) * size(n.w.shape.slice(1))
  return n._tag === 'Call' ? flopsOf(n.body) : 0
}

/** Multiplications and additions of a graph, bodies of calls included; elementwise work is not counted. */
export const flopsOf = (graph: Graph): number => {
  // What depends on no input is computed once.
  const moving = new Set<Node>(graph.inputs)
  let total = 0
  for (const n of toposort(graph.outputs)) {
    if (!moving.has(n) && !sources(n).some((s) => moving.has(s))) continue
    moving.add(n)
    total += own(n)
  }
  return total
}
