/** Calls opened. */
import { substitute } from '../graph/build.ts'
import { rewrite } from '../graph/rewrite.ts'
import type { Call, Graph, Node } from '../graph/node.ts'
import type { Pass } from './pass.ts'
import { readersOf } from './readers.ts'

/** Replaces every call by its body, except those whose names a backend has kernels for, and those that `keeps` speaks for. */
export const inline = (
  kernels: ReadonlySet<string>,
  keeps: (n: Call, readers: readonly Node[]) => boolean = () => false,
): Pass => {
  const run = (graph: Graph): Graph => {
    const readers = readersOf(graph)
    // What is kept is known of calls as they were, before their arguments were rewritten.
    const kept = new Set<Node>()
    for (const [n, by] of readers) if (n._tag === 'Call' && !graph.outputs.includes(n) && keeps(n, by)) kept.add(n)
    return rewrite(graph, (n, was) => {
      if (n._tag !== 'Call' || kernels.has(n.name) || kept.has(was)) return n
      const body = run({ inputs: n.body.inputs, outputs: n.body.outputs }).outputs[0]!
      return substitute(body, new Map<Node, Node>(n.body.inputs.map((p, i) => [p, n.args[i]!])))
    })
  }
  return { name: 'inline', run }
}
