/** WebAssembly of our own: kernels compiled for the shapes of a program, in one memory, on as many threads as wished. */
import { DeviceError } from '../../errors.ts'
import type { Backend } from '../backend.ts'
import { wasmCompilation } from './compilation.ts'
import { Device } from './device.ts'
import { Prepared, type PreparedOptions } from './prepared.ts'
import { mostThreads } from './team.ts'
import { cores, leader, placeOfRuns, type Leader } from './workers.ts'

/** How a backend is made: the number of threads is that of the cores unless given; where there can be only one, it is one. */
export type WasmOptions = PreparedOptions & {
  readonly threads?: number
  /** The worker that runs programs for a page, which must not wait for threads itself. */
  readonly leader?: Leader
}

/** The backend, with a memory of its own. `dispose` ends its threads, which keep no process alive; a later run has others. */
export type Wasm = Backend & { readonly dispose: () => void }

/** The backend. */
export const wasm = ({ threads = cores(), leader, ...options }: WasmOptions = {}): Wasm => {
  const several = placeOfRuns() === 'here' || leader !== undefined
  const count = several ? Math.max(1, Math.min(threads, mostThreads)) : 1
  const device = new Device(count, several, leader)
  return {
    name: 'wasm',
    description: `WebAssembly, compiled for each program: SIMD, ${count} thread${count === 1 ? '' : 's'}`,
    prepare: (graph, { exact } = {}) =>
      new Prepared(device, graph, { ...options, ...(exact === undefined ? {} : { exact }) }),
    compilation: (graph, { exact } = {}) =>
      wasmCompilation(graph, { ...options, ...(exact === undefined ? {} : { exact }) }),
    memory: () => device.heap.used,
    dispose: () => device.team.stop(),
  }
}

// (func (result v128) (i8x16.popcnt (i8x16.splat (i32.const 0))))
const probe = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
)

/** The backend, where modules with SIMD may be compiled: an old engine has none, and a page may forbid it. Rejects with `DeviceError`. */
export const startWasm = async (options: WasmOptions = {}): Promise<Wasm> => {
  try {
    await WebAssembly.compile(probe)
  } catch (error) {
    throw new DeviceError('wasm', `is not to be had here: ${error instanceof Error ? error.message : String(error)}`)
  }
  const away = placeOfRuns() === 'away' ? await leader() : undefined
  return wasm(away === undefined ? options : { ...options, leader: away })
}
