/** What a program of ours is made of, apart from how fast it is. */
import { backend, trace, type BackendName } from 'diffold'
import type { WebGpu } from '../src/backend/webgpu/webgpu.ts'
import { keyOf } from '../src/codegen/kernel.ts'
import type { Work } from './workloads/work.ts'

/** Kernels that a device compiled, and how long it took. */
export type Compiled = { readonly count: number; readonly ms: number }

/** Counts and times of a program; bytes are those that live during a run. */
export type Facts = {
  readonly traceMs: number
  /** From the graph to code. */
  readonly lowerMs: number
  readonly dispatches: number
  /** Times that a step submits work to a GPU, without what reads its result. */
  readonly submits: number
  /** Kernels that differ in what they do, shapes included. */
  readonly distinct: number
  /** Pipelines of a GPU that a step runs. */
  readonly pipelines: number
  /** All that were compiled, those that pack weights among them, and how long it took. */
  readonly compiled: Compiled
  readonly arenaBytes: number
  /** The most bytes that are alive at once: no plan takes less. */
  readonly boundBytes: number
}

/** What is known of the first step as a program of a compiled backend; `again` runs a step and reads its result. */
export const factsOf = async (
  name: BackendName,
  { step, start, inputs, given }: Work,
  compiled: Compiled,
  again: () => Promise<void>,
): Promise<Facts> => {
  const on = await backend(name)
  const from = performance.now()
  const { graph } = trace(step, [start, inputs[0], given])
  const traced = performance.now()
  on.prepare(graph).dispose()
  const lowered = performance.now()
  const { program, arena, bound, code } = on.compilation!(graph)
  const device = name === 'webgpu' ? (on as WebGpu).device() : undefined
  const before = { ...device?.counts }
  if (device !== undefined) await again()
  const since = (what: 'submits' | 'reads'): number => (device?.counts[what] ?? 0) - (before[what] ?? 0)
  return {
    submits: since('submits') - since('reads'),
    traceMs: traced - from,
    lowerMs: lowered - traced,
    dispatches: program.every.length,
    distinct: new Set(program.every.map((d) => keyOf(d.kernel))).size,
    pipelines: name === 'webgpu' ? new Set(code.every).size : 0,
    compiled,
    arenaBytes: arena.bytes,
    boundBytes: bound,
  }
}
