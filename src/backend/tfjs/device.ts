/** TensorFlow.js backends, started when first asked for. */
import * as tf from '@tensorflow/tfjs-core'
import { DeviceError } from '../../errors.ts'
import type { Device } from '../webgpu/device.ts'

/** The TensorFlow.js backends that programs run on. */
export type TfjsName = 'tfjs-webgpu' | 'tfjs-wasm' | 'tfjs-cpu'

/** What TensorFlow.js calls it. */
export const ownName = (name: TfjsName): string => name.replace('tfjs-', '')

tf.enableProdMode() // its banner, and checks of every kernel's output

/** A package that comes with the library only where its user has installed it; bundlers must not look for it. */
const optional = async (name: TfjsName): Promise<void> => {
  const wanted = `@tensorflow/tfjs-backend-${ownName(name)}`
  try {
    await import(/* @vite-ignore */ wanted)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new DeviceError(name, `needs the package ${wanted}; npm install ${wanted}@4 (${why})`)
  }
}

const load = async (name: TfjsName, device?: Device): Promise<string> => {
  switch (name) {
    case 'tfjs-cpu':
      await optional(name)
      return 'TensorFlow.js on plain JavaScript'
    case 'tfjs-wasm':
      await optional(name)
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
