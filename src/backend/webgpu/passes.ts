/** The passes between a traced graph and kernels for WebGPU. */
import type { Program } from '../../codegen/program.ts'
import type { Capabilities } from '../../codegen/wgsl/shader.ts'
import type { Graph } from '../../graph/node.ts'
import { lower as lowerFor, type LowerOptions } from '../../passes/lower.ts'
import { webgpuTarget } from '../../passes/target.ts'

export type { LowerOptions }

/** Bytes that a program may keep: nobody says how much memory a device has. */
const mostKept = 8 * 2 ** 30

/** The kernels of a graph for such a device. */
export const lower = (graph: Graph, capabilities: Capabilities, options: LowerOptions = {}): Program =>
  lowerFor(graph, webgpuTarget(capabilities), { keep: mostKept, ...options })
