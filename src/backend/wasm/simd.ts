/** WebAssembly of our own: kernels compiled for the shapes of a program, in one memory. */
import type { Backend } from '../backend.ts'
import { Device } from './device.ts'
import { Prepared } from './prepared.ts'

/** The backend, with a memory of its own. */
export const simd = (): Backend => {
  const device = new Device(false)
  return {
    name: 'simd',
    description: 'WebAssembly, compiled for each program: SIMD, 1 thread',
    prepare: (graph) => new Prepared(device, graph),
    memory: () => device.heap.used,
  }
}
