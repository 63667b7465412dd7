/** TensorFlow.js's WebGPU backend, on a device of ours. */
import * as tf from '@tensorflow/tfjs-core'
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import { DeviceError } from '../../errors.ts'
import type { Device } from '../webgpu/device.ts'
import type { Place } from '../webgpu/values.ts'

/** The backend; it tells when it no longer needs a buffer that was lent to it. */
export class SharedBackend extends WebGPUBackend {
  readonly of: Device
  readonly #lent = new WeakMap<object, () => void>()

  constructor(of: Device) {
    super(of.gpu, of.gpu.adapterInfo)
    this.of = of
    of.beforeSubmit.add(() => this.flush())
  }

  /** Sends what has been put off, so that what comes after it comes after it. */
  flush(): void {
    this.endComputePassEncoder()
    const { commandEncoder } = this as unknown as { readonly commandEncoder: GPUCommandEncoder | null }
    if (commandEncoder !== null) this.submitQueue()
  }

  /** A buffer as a tensor, which lets go of it when it is disposed. */
  borrow({ buffer, hold }: Place, shape: readonly number[], dtype: tf.DataType): tf.Tensor {
    const x = this.createTensorFromGPUData({ buffer, zeroCopy: true }, [...shape], dtype)
    this.#lent.set(x.dataId, hold())
    return x
  }

  override disposeData(dataId: object, force = false): boolean {
    const gone = super.disposeData(dataId, force)
    // Commands that use it and have been put off are sent before any of ours.
    if (gone) this.#lent.get(dataId)?.()
    if (gone) this.#lent.delete(dataId)
    return gone
  }

  /** The buffer of a tensor; values that are on the host go there first. */
  bufferOf(dataId: object): GPUBuffer {
    this.uploadToGPU(dataId)
    return this.tensorMap.get(dataId).resource as GPUBuffer
  }
}

let shared: SharedBackend | undefined

/** The backend that was put on a device last. */
export const sharedBackend = (): SharedBackend | undefined => shared

/** Makes TensorFlow.js's current backend one on this device. Rejects with `DeviceError` where TensorFlow.js has a device of its own. */
export const shareOn = async (device: Device): Promise<SharedBackend> => {
  const there = tf.engine().registry['webgpu']
  if (there !== undefined && there !== shared)
    throw new DeviceError('webgpu', 'TensorFlow.js has a device of its own; call shareDevice() before it starts one')
  if (shared?.of !== device || there === undefined) {
    const fresh = new SharedBackend(device)
    if (tf.findBackendFactory('webgpu') !== null) tf.removeBackend('webgpu')
    tf.registerBackend('webgpu', () => fresh, 3)
    shared = fresh
  }
  tf.env().set('WEBGPU_CPU_FORWARD', false) // one place for a program's arithmetic
  await tf.setBackend('webgpu')
  return shared
}
