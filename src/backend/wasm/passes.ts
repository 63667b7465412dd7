/** The passes between a traced graph and kernels. */
import { fuse, fusedCalls } from '../../passes/fuse.ts'
import { inline } from '../../passes/inline.ts'
import type { Pass } from '../../passes/pass.ts'
import { simplify } from '../../passes/simplify.ts'
import type { Graph } from '../../graph/node.ts'
import type { Program } from '../../codegen/program.ts'

/** Graph to graph. */
export const graphPasses: readonly Pass[] = [inline(fusedCalls), simplify]

/** The kernels of a graph. */
export const lower = (graph: Graph): Program => fuse(graphPasses.reduce((g, pass) => pass.run(g), graph))
