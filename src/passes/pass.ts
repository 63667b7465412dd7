/** A step from graph to graph that has a name, so that it can be listed, printed and checked. */
import type { Graph } from '../graph/node.ts'

/** A pass preserves inputs, output types and meaning. */
export type Pass = { readonly name: string; readonly run: (graph: Graph) => Graph }
