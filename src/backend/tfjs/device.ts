/** TensorFlow.js backends, started when first asked for. */
import * as tf from '@tensorflow/tfjs-core'
import { DeviceError } from '../../errors.ts'

/** The TensorFlow.js backends that programs run on. */
export type TfjsName = 'webgpu' | 'wasm' | 'cpu'

tf.enableProdMode() // its banner, and checks of every kernel's output

const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined

/** What a WebGPU adapter says of itself, or why there is none. */
export type Adapter = { readonly found: boolean; readonly software: boolean; readonly description: string }

// Dawn says on the terminal, not to its caller, that there is no Vulkan.
const missingVulkan = (): string | undefined => {
  if (process.platform !== 'linux') return undefined
  try {
    process.dlopen({ exports: {} }, 'libvulkan.so.1')
  } catch (error) {
    if (/cannot open shared object/.test(String(error))) return 'there is no Vulkan (libvulkan.so.1)'
  }
  return undefined
}

let kept: unknown // Dawn's instance: collected, it takes the process with it
const provideGpu = async (): Promise<string | undefined> => {
  if (typeof navigator !== 'undefined' && navigator.gpu !== undefined) return undefined
  if (!isNode) return 'this browser has no WebGPU'
  const vulkan = missingVulkan()
  if (vulkan !== undefined) return vulkan
  const name = 'webgpu' // an optional peer: bundlers must not look for it
  try {
    const dawn = (await import(/* @vite-ignore */ name)) as { create: (flags: string[]) => GPU; globals: object }
    const gpu = dawn.create([])
    kept = gpu
    Object.assign(globalThis, dawn.globals)
    if (typeof navigator === 'undefined')
      Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true })
    else Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true })
    return kept === undefined ? 'no instance' : undefined
  } catch {
    return "the optional package 'webgpu' is not installed"
  }
}

/** The WebGPU adapter at hand. */
export const adapter = async (): Promise<Adapter> => {
  const missing = await provideGpu()
  if (missing !== undefined) return { found: false, software: false, description: missing }
  const found = await navigator.gpu.requestAdapter().catch(() => null)
  if (found === null) return { found: false, software: false, description: 'WebGPU offers no adapter' }
  const { vendor, architecture, description, device } = found.info
  const text = [vendor, architecture, device, description].filter((s) => s !== '').join(' ')
  return {
    found: true,
    software: /swiftshader|llvmpipe|lavapipe|software|cpu/i.test(text),
    description: text || 'an unnamed adapter',
  }
}

const load = async (name: TfjsName): Promise<string> => {
  switch (name) {
    case 'cpu':
      await import('@tensorflow/tfjs-backend-cpu')
      return 'TensorFlow.js on plain JavaScript'
    case 'wasm':
      await import('@tensorflow/tfjs-backend-wasm')
      return 'TensorFlow.js on WebAssembly'
    case 'webgpu': {
      const found = await adapter()
      if (!found.found) throw new DeviceError('webgpu', found.description)
      await import('@tensorflow/tfjs-backend-webgpu')
      tf.env().set('WEBGPU_CPU_FORWARD', false) // one place for a program's arithmetic
      return `TensorFlow.js on WebGPU: ${found.description}`
    }
  }
}

/** Loads a backend and makes it TensorFlow.js's current one; says what it is. */
export const start = async (name: TfjsName): Promise<string> => {
  const description = await load(name)
  const ready = await tf.setBackend(name).catch(() => false)
  if (!ready) throw new DeviceError(name, 'TensorFlow.js could not start it')
  if (name === 'webgpu') listen()
  return description
}

let faults: string[] = []

/** WebGPU tells of a faulty kernel or of memory it lacks apart from the result, which is then rubbish: kept until somebody reads. */
const listen = (): void => {
  const { device } = tf.backend() as unknown as { readonly device: GPUDevice }
  device.addEventListener('uncapturederror', ({ error }) => {
    faults.push(error.message)
  })
  void device.lost.then(({ message }) => faults.push(`the device was lost: ${message}`))
}

/** Throws `DeviceError` if the device has reported a fault since it was last asked. */
export const demandHealth = (name: TfjsName): void => {
  const [fault] = name === 'webgpu' ? faults : []
  faults = []
  if (fault !== undefined) throw new DeviceError(name, fault.trim())
}

/** Makes a started backend the current one. */
export const activate = async (name: TfjsName): Promise<void> => {
  if (tf.getBackend() !== name) await tf.setBackend(name)
}

/** Where a browser finds TensorFlow.js's .wasm files: a folder's URL, ending in `/`. Call it before the first program. */
export const setWasmPath = async (folder: string): Promise<void> => {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
  setWasmPaths(folder)
}
