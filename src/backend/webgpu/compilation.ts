/** What becomes of a graph on an adapter, whether there is one or not. */
import type { Capabilities } from '../../codegen/wgsl/shader.ts'
import type { Graph } from '../../graph/node.ts'
import { arena, livenessBound } from '../../passes/arena.ts'
import type { LowerOptions, Stage } from '../../passes/lower.ts'
import { lastAttempt, type Compilation } from '../compilation.ts'
import { arenaOptions } from './frame.ts'
import { lower } from './passes.ts'
import { everySteps, firstVariant, onceStepsOf } from './steps.ts'

/** The program, its plan and its code, in the ways that are the best guess. `segment`: bytes of the buffers that the arena is made of. */
export const webgpuCompilation = (
  graph: Graph,
  capabilities: Capabilities,
  options: LowerOptions = {},
  segment = 2 ** 31,
): Compilation => {
  const stages: Stage[] = []
  const program = lower(graph, capabilities, options, (stage) => stages.push(stage))
  const code = {
    once: onceStepsOf(program, program.once, capabilities, firstVariant).map((s) => s.shader.code),
    every: everySteps(program, capabilities, firstVariant).map((s) => s.shader.code),
  }
  const distinct = (texts: readonly string[]): number => new Set(texts).size
  return {
    stages: lastAttempt(stages),
    program,
    arena: arena(program, { ...arenaOptions, segment }),
    bound: livenessBound(program, arenaOptions),
    code,
    amount: `${distinct(code.every)} pipelines for a run and ${distinct(code.once)} before the first`,
  }
}
