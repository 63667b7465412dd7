/** The passes between a traced graph and kernels. */
import { fuse, fusedCalls } from '../../passes/fuse.ts'
import { inline } from '../../passes/inline.ts'
import type { Pass } from '../../passes/pass.ts'
import { simplify } from '../../passes/simplify.ts'
import type { Graph } from '../../graph/node.ts'
import { keptBytes, type Program } from '../../codegen/program.ts'

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

/** The kernels of a graph. */
export const lower = (graph: Graph, { exact = false, keep = mostKept }: LowerOptions = {}): Program => {
  const ready = graphPasses.reduce((g, pass) => pass.run(g), graph)
  const fast = fuse(ready, { exact })
  return keptBytes(fast) <= keep ? fast : fuse(ready, { exact, lean: true })
}
