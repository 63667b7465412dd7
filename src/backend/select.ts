/** Which backend programs run on. */
import { ConfigError, DeviceError } from '../errors.ts'
import { backendNames, type Backend, type BackendName } from './backend.ts'
import { host } from './host.ts'
import { enqueue } from './queue.ts'
import type { Wasm } from './wasm/wasm.ts'
import type { WebGpu } from './webgpu/webgpu.ts'

const started = new Map<BackendName, Promise<Backend>>()
let automatic: Promise<Backend> | undefined

/** The named backend, started at the first call. Rejects with `DeviceError` where it is not to be had. */
export const backend = (name: BackendName): Promise<Backend> => {
  const there = started.get(name) ?? start(name)
  started.set(name, there)
  there.catch(() => started.delete(name))
  return there
}

let wanted: number | undefined

const threads = (): { readonly threads?: number } => {
  if (wanted !== undefined) return { threads: wanted }
  const text = typeof process === 'undefined' ? undefined : process.env?.['DIFFOLD_THREADS']
  if (text === undefined || text === '') return {}
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new ConfigError('DIFFOLD_THREADS', text, ['1, 2, …'], 'is no number')
  return { threads: count }
}

/**
 * How many threads programs on WebAssembly use from now on, whatever `DIFFOLD_THREADS` says: as many as there are cores unless told. Results
 * are the same, bit for bit. Where a page may not share memory between threads there is one all the same. Throws `ConfigError`.
 */
export const useThreads = (count: number): void => {
  if (!Number.isInteger(count) || count < 1) throw new ConfigError('threads', count, ['1, 2, …'], 'is no such number')
  wanted = count
  // Another backend from the next run on; what is queued before finishes on the old one, whose threads then go.
  const old = onWasm
  onWasm = undefined
  started.delete('wasm')
  automatic = undefined
  void old?.then((b) => enqueue(async () => b.dispose())).catch(() => undefined)
}

const start = async (name: BackendName): Promise<Backend> => {
  if (name === 'host') return host
  if (name === 'webgpu') return webgpu()
  return name === 'wasm' ? wasm() : tfjsBackend(name)
}

let onWasm: Promise<Wasm> | undefined
const wasm = (): Promise<Wasm> => (onWasm = import('./wasm/wasm.ts').then((m) => m.startWasm(threads())))

let gpu: Promise<WebGpu> | undefined

/** One device for our programs and those of TensorFlow.js. */
const webgpu = (): Promise<WebGpu> => {
  gpu ??= import('./webgpu/webgpu.ts').then((m) => m.webgpu())
  gpu.catch(() => (gpu = undefined))
  return gpu
}

// Only a program that needs TensorFlow.js loads it.
const tfjsBackend = async (name: 'tfjs-webgpu' | 'tfjs-wasm' | 'tfjs-cpu'): Promise<Backend> =>
  (await import('./tfjs/tfjs.ts')).tfjs(name, name === 'tfjs-webgpu' ? await (await webgpu()).alive() : undefined)

/** A text as the name of a backend; `ConfigError` names those there are. `source` says where the text is from. */
export const backendName = (text: string, source = 'backend'): BackendName => {
  const found = backendNames.find((n) => n === text)
  if (found === undefined) throw new ConfigError(source, text, backendNames, 'is no backend')
  return found
}

let chosen: BackendName | undefined

/** Makes every program that names no backend of its own run on this one. */
export const useBackend = (name: BackendName): void => {
  chosen = name
}

const forced = (): BackendName | undefined => {
  const text = typeof process === 'undefined' ? undefined : process.env?.['DIFFOLD_BACKEND']
  return text === undefined || text === '' ? undefined : backendName(text, 'DIFFOLD_BACKEND')
}

const first = async (names: readonly BackendName[]): Promise<Backend> => {
  const failures: string[] = []
  for (const name of names) {
    try {
      return await backend(name)
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new DeviceError('any', `no backend starts: ${failures.join('; ')}`)
}

const best = async (): Promise<Backend> => {
  const { adapter } = await import('./webgpu/adapter.ts')
  const gpu = await adapter()
  // A software adapter is no GPU: WebAssembly is many times faster.
  return first(gpu.found && !gpu.software ? ['webgpu', 'wasm', 'host'] : ['wasm', 'host'])
}

/**
 * The backend of programs that name none: the one given to `useBackend`, else `DIFFOLD_BACKEND`, else WebGPU where there is a GPU, else
 * WebAssembly, and where that is forbidden the evaluator. `description` says what was chosen.
 */
export const defaultBackend = async (): Promise<Backend> => {
  const name = chosen ?? forced()
  if (name !== undefined) return backend(name)
  automatic ??= best()
  automatic.catch(() => (automatic = undefined))
  return automatic
}
