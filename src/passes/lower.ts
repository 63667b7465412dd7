/** From a traced graph to kernels. */
import { keptBytes, type Program } from '../codegen/program.ts'
import type { Graph } from '../graph/node.ts'
import { fuse, fusedCalls } from './fuse.ts'
import { inline } from './inline.ts'
import type { Pass } from './pass.ts'
import { simplify } from './simplify.ts'
import type { Target } from './target.ts'

/** Graph to graph. */
export const graphPasses: readonly Pass[] = [inline(fusedCalls), simplify]

/** How programs are made. */
export type LowerOptions = {
  /** No algorithm whose rounding errors are larger than those of the definition. */
  readonly exact?: boolean
  /** Bytes that a program may keep between runs; one that would keep more keeps its weights as they are stored. */
  readonly keep?: number
}

const mostKept = 1.5 * 2 ** 30

/** The program of a graph for a target. */
export const lower = (graph: Graph, target: Target, { exact = false, keep = mostKept }: LowerOptions = {}): Program => {
  const ready = graphPasses.reduce((g, pass) => pass.run(g), graph)
  const fast = fuse(ready, target, { exact })
  return keptBytes(fast) <= keep ? fast : fuse(ready, target, { exact, lean: true })
}
