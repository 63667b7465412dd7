/** Graphs changed from the leaves up. */
import { withSources } from './build.ts'
import { sources, toposort, type Graph, type Node } from './node.ts'

/**
 * One identity: the node that stands for this one, or the node itself. It must have the same shape, dtype and meaning. `was` is the node
 * before its sources were rewritten.
 */
export type Rule = (n: Node, was: Node) => Node

/** The graph with every node, its sources rewritten before it, replaced by what the rule gives. Inputs stay. */
export const rewrite = (graph: Graph, rule: Rule): Graph => {
  const made = new Map<Node, Node>()
  for (const n of toposort(graph.outputs))
    made.set(
      n,
      n._tag === 'Input'
        ? n
        : rule(
            withSources(
              n,
              sources(n).map((s) => made.get(s)!),
            ),
            n,
          ),
    )
  return { inputs: graph.inputs, outputs: graph.outputs.map((n) => made.get(n)!) }
}
