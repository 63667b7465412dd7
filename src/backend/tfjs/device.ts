/** TensorFlow.js backends, started when first asked for. */
import * as tf from '@tensorflow/tfjs-core'
import { DeviceError } from '../../errors.ts'
import type { Device } from '../webgpu/device.ts'

/** The TensorFlow.js backends that programs run on. */
export type TfjsName = 'tfjs-webgpu' | 'wasm' | 'cpu'

/** What TensorFlow.js calls it. */
export const ownName = (name: TfjsName): string => name.replace('tfjs-', '')

tf.enableProdMode() // its banner, and checks of every kernel's output

const load = async (name: TfjsName, device?: Device): Promise<string> => {
  switch (name) {
    case 'cpu':
      await import('@tensorflow/tfjs-backend-cpu')
      return 'TensorFlow.js on plain JavaScript'
    case 'wasm':
      await import('@tensorflow/tfjs-backend-wasm')
      return 'TensorFlow.js on WebAssembly'
    case 'tfjs-webgpu': {
      if (device === undefined) throw new DeviceError(name, 'there is no device')
      await (await import('./shared-backend.ts')).shareOn(device)
      return `TensorFlow.js on WebGPU: ${device.description}`
    }
  }
}

/** Loads a backend and makes it TensorFlow.js's current one, that on WebGPU on the given device; says what it is. */
export const start = async (name: TfjsName, device?: Device): Promise<string> => {
  const description = await load(name, device)
  const ready = await tf.setBackend(ownName(name)).catch(() => false)
  if (!ready) throw new DeviceError(name, 'TensorFlow.js could not start it')
  if (name === 'tfjs-webgpu') listen()
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
  const [fault] = name === 'tfjs-webgpu' ? faults : []
  faults = []
  if (fault !== undefined) throw new DeviceError(name, fault.trim())
}

/** Makes a started backend the current one. */
export const activate = async (name: TfjsName): Promise<void> => {
  if (tf.getBackend() !== ownName(name)) await tf.setBackend(ownName(name))
}

/** Where a browser finds TensorFlow.js's .wasm files: a folder's URL, ending in `/`. Call it before the first program. */
export const setWasmPath = async (folder: string): Promise<void> => {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
  setWasmPaths(folder)
}
