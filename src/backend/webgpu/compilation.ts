/** What becomes of a graph on an adapter, whether there is one or not. */
import type { Capabilities } from '../../codegen/wgsl/shader.ts'
import type { Graph } from '../../graph/node.ts'
import type { LowerOptions } from '../../passes/lower.ts'
import { compilationBy, type Compilation } from '../compilation.ts'
import { arenaOptions } from './frame.ts'
import { lower } from './passes.ts'
import { everySteps, firstVariant, onceStepsOf } from './steps.ts'

/** The program, its plan and its code, in the ways that are the best guess. `segment`: bytes of the buffers that the arena is made of. */
export const webgpuCompilation = (
  graph: Graph,
  capabilities: Capabilities,
  options: LowerOptions = {},
  segment = 2 ** 31,
): Compilation =>
  compilationBy(
    (report) => lower(graph, capabilities, options, report),
    { ...arenaOptions, segment },
    (program) => {
      const code = {
        once: onceStepsOf(program, program.once, capabilities, firstVariant).map((s) => s.shader.code),
        every: everySteps(program, capabilities, firstVariant).map((s) => s.shader.code),
      }
      const distinct = (texts: readonly string[]): number => new Set(texts).size
      return {
        code,
        amount: `${distinct(code.every)} pipelines for a run and ${distinct(code.once)} before the first`,
      }
    },
  )
