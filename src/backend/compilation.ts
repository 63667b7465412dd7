/** What becomes of a graph on a backend that compiles it, before anything of it is on a device. */
import type { Program } from '../codegen/program.ts'
import { arena, livenessBound, type Arena, type ArenaOptions } from '../passes/arena.ts'
import type { Stage } from '../passes/lower.ts'

/** A program with all the stages that led to it, its plan and its code. */
export type Compilation = {
  /** Stages of the program, the graph after the first pass first; where a program was too large and was made again, those of the second time. */
  readonly stages: readonly Stage[]
  readonly program: Program
  /** Where values lie during a run. */
  readonly arena: Arena
  /** The most bytes that are alive at once. */
  readonly bound: number
  /** The code of every kernel: WGSL, or for code that is no text what there is of it. */
  readonly code: { readonly once: readonly string[]; readonly every: readonly string[] }
  /** How much code there is in all. */
  readonly amount: string
}

/** A compilation by a backend's passes, its plan and its code generator. */
export const compilationBy = (
  lowered: (report: (stage: Stage) => void) => Program,
  plan: ArenaOptions,
  written: (program: Program) => Pick<Compilation, 'code' | 'amount'>,
): Compilation => {
  const stages: Stage[] = []
  const program = lowered((stage) => stages.push(stage))
  return {
    stages: lastAttempt(stages),
    program,
    arena: arena(program, plan),
    bound: livenessBound(program, plan),
    ...written(program),
  }
}

const lastAttempt = (stages: readonly Stage[]): readonly Stage[] => {
  const start = stages.findLastIndex((s) => s.pass === 'fuse')
  return [...stages.filter((s) => s._tag === 'Graph'), ...stages.slice(start)]
}
