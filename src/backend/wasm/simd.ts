/** WebAssembly of our own: kernels compiled for the shapes of a program, in one memory, on as many threads as wished. */
import { mostThreads } from '../../passes/attend.ts'
import type { Backend } from '../backend.ts'
import { Device } from './device.ts'
import { Prepared, type PreparedOptions } from './prepared.ts'
import { canHaveThreads, cores } from './team.ts'

/** How a backend is made: the number of threads is that of the cores unless given; where there can be only one, it is one. */
export type SimdOptions = PreparedOptions & { readonly threads?: number }

/** The backend, with a memory of its own. `dispose` ends its threads; they keep no process alive. */
export const simd = ({ threads = cores(), ...options }: SimdOptions = {}): Backend & {
  readonly dispose: () => void
} => {
  const several = canHaveThreads()
  const count = several ? Math.max(1, Math.min(threads, mostThreads)) : 1
  const device = new Device(count, several)
  return {
    name: 'simd',
    description: `WebAssembly, compiled for each program: SIMD, ${count} thread${count === 1 ? '' : 's'}`,
    prepare: (graph) => new Prepared(device, graph, options),
    memory: () => device.heap.used,
    dispose: () => device.team.stop(),
  }
}
