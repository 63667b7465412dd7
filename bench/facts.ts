/** What a program of ours is made of, apart from how fast it is. */
import { trace } from 'diffold'
import { elementBytes, keyOf } from '../src/codegen/kernel.ts'
import type { Program } from '../src/codegen/program.ts'
import { arena } from '../src/passes/arena.ts'
import { lower } from '../src/passes/lower.ts'
import { wasmTarget } from '../src/passes/target.ts'
import type { Work } from './workloads/work.ts'

/** Counts and times of a program; bytes are those that live during a run. */
export type Facts = {
  readonly traceMs: number
  readonly lowerMs: number
  readonly dispatches: number
  /** Kernels that differ in what they do, shapes included. */
  readonly kernels: number
  readonly arenaBytes: number
  /** The most bytes that are alive at once: no plan takes less. */
  readonly boundBytes: number
}

/** The most bytes of values that are still to be read, over the run. */
export const livenessBound = ({ buffers, every }: Program): number => {
  const last = new Map<number, number>()
  every.forEach(({ operands }, at) => operands.forEach((id) => last.set(id, at)))
  const alive = new Map<number, number>()
  let [now, most] = [0, 0]
  every.forEach(({ operands }, at) => {
    for (const id of new Set(operands)) {
      const { purpose, length, element } = buffers[id]!
      if (purpose._tag !== 'Scratch' || alive.has(id)) continue
      alive.set(id, length * elementBytes(element))
      now += length * elementBytes(element)
    }
    most = Math.max(most, now)
    for (const id of new Set(operands)) if (last.get(id) === at) now -= alive.get(id) ?? 0
  })
  return most
}

const distinct = ({ every }: Program): number => new Set(every.map((d) => keyOf(d.kernel))).size

/** What is known of the first step as a program. */
export const factsOf = ({ step, start, inputs, given }: Work): Facts => {
  const from = performance.now()
  const { graph } = trace(step, [start, inputs[0], given])
  const traced = performance.now()
  const program = lower(graph, wasmTarget)
  const { bytes } = arena(program)
  return {
    traceMs: traced - from,
    lowerMs: performance.now() - traced,
    dispatches: program.every.length,
    kernels: distinct(program),
    arenaBytes: bytes,
    boundBytes: livenessBound(program),
  }
}
