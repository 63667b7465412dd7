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

/**
 * The graph with some nodes replaced by others, which may be made of nodes of the graph, and read what is replaced too, though never what
 * they replace themselves.
 */
export const replaced = (graph: Graph, by: ReadonlyMap<Node, Node>): Graph => {
  if (by.size === 0) return graph
  const made = new Map<Node, Node>()
  const needs = (n: Node): readonly Node[] => {
    const other = by.get(n)
    return other === undefined ? sources(n) : [other]
  }
  const stack: { readonly node: Node; readonly xs: readonly Node[]; at: number }[] = []
  const visit = (node: Node): void => {
    if (!made.has(node)) stack.push({ node, xs: needs(node), at: 0 })
  }
  for (const root of graph.outputs) {
    visit(root)
    while (stack.length > 0) {
      const top = stack.at(-1)!
      if (top.at < top.xs.length) {
        visit(top.xs[top.at++]!)
        continue
      }
      stack.pop()
      const xs = top.xs.map((x) => made.get(x)!)
      made.set(top.node, by.has(top.node) ? xs[0]! : withSources(top.node, xs))
    }
  }
  return { inputs: graph.inputs, outputs: graph.outputs.map((n) => made.get(n)!) }
}
