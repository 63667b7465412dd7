/** Which backend programs run on. */
import { ConfigError, DeviceError } from '../errors.ts'
import { backendNames, type Backend, type BackendName } from './backend.ts'
import { host } from './host.ts'

const started = new Map<BackendName, Promise<Backend>>()

/** The named backend, started at the first call. Rejects with `DeviceError` where it is not to be had. */
export const backend = (name: BackendName): Promise<Backend> => {
  const there = started.get(name) ?? start(name)
  started.set(name, there)
  there.catch(() => started.delete(name))
  return there
}

const threads = (): { readonly threads?: number } => {
  const text = typeof process === 'undefined' ? undefined : process.env?.['DIFFOLD_THREADS']
  if (text === undefined || text === '') return {}
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new ConfigError('DIFFOLD_THREADS', text, ['1, 2, …'], 'is no number')
  return { threads: count }
}

const start = async (name: BackendName): Promise<Backend> => {
  if (name === 'host') return host
  if (name === 'webgpu') return (await import('./webgpu/webgpu.ts')).webgpu()
  return name === 'simd' ? (await import('./wasm/simd.ts')).simd(threads()) : tfjsBackend(name)
}

// Only a program that needs TensorFlow.js loads it.
const tfjsBackend = async (name: 'tfjs-webgpu' | 'wasm' | 'cpu'): Promise<Backend> =>
  (await import('./tfjs/tfjs.ts')).tfjs(name)

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
  return first(gpu.found && !gpu.software ? ['webgpu', 'wasm', 'cpu'] : ['wasm', 'cpu'])
}

let automatic: Promise<Backend> | undefined

/**
 * The backend of programs that name none: the one given to `useBackend`, else `DIFFOLD_BACKEND`, else WebGPU where there is a GPU, else
 * WebAssembly, else plain JavaScript. `description` says what was chosen.
 */
export const defaultBackend = async (): Promise<Backend> => {
  const name = chosen ?? forced()
  if (name !== undefined) return backend(name)
  automatic ??= best()
  automatic.catch(() => (automatic = undefined))
  return automatic
}

/** Where a browser finds TensorFlow.js's .wasm files: the URL of a folder, ending in `/`. To be called before the first program. */
export const setWasmPath = async (folder: string): Promise<void> =>
  (await import('./tfjs/device.ts')).setWasmPath(folder)
