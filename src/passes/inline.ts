/** Calls opened. */
import { substitute } from '../graph/build.ts'
import { rewrite } from '../graph/rewrite.ts'
import type { Node } from '../graph/node.ts'
import type { Pass } from './pass.ts'

/** Replaces every call by its body, except those whose names a backend has kernels for. */
export const inline = (kernels: ReadonlySet<string>): Pass => {
  const open = (n: Node): Node => {
    if (n._tag !== 'Call' || kernels.has(n.name)) return n
    const body = run({ inputs: n.body.inputs, outputs: n.body.outputs }).outputs[0]!
    return substitute(body, new Map<Node, Node>(n.body.inputs.map((p, i) => [p, n.args[i]!])))
  }
  const run: Pass['run'] = (graph) => rewrite(graph, open)
  return { name: 'inline', run }
}
