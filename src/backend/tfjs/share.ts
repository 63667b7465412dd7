/**
 * `diffold/tfjs`: one WebGPU device for our programs and for TensorFlow.js, so that a `tf.Tensor` and a Tensor of ours are two names of the
 * same buffer. Nothing is copied either way.
 */
import * as tf from '@tensorflow/tfjs-core'
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import type { DType } from '../../core/dtype.ts'
import { DeviceError, DTypeError } from '../../errors.ts'
import { buffer } from '../../graph/build.ts'
import { Tensor } from '../../tensor/tensor.ts'
import { compile, dispose } from '../compile.ts'
import { isResult, resultOf } from '../result.ts'
import { backend } from '../select.ts'
import { own, placeOf, type Place } from '../webgpu/values.ts'
import type { WebGpu } from '../webgpu/webgpu.ts'
import { sharedBackend, shareOn, type SharedBackend } from './shared-backend.ts'

/**
 * Makes our device TensorFlow.js's backend `webgpu`, and its current one. To be called before TensorFlow.js has started a WebGPU device of
 * its own, whose tensors could not be shared: rejects with `DeviceError` where it has, and where there is no WebGPU. After a loss of the
 * device, it puts TensorFlow.js on the next; tensors of the lost one are lost.
 */
export const shareDevice = async (): Promise<void> => void (await share())

const share = async (): Promise<SharedBackend> => shareOn(await ((await backend('webgpu')) as WebGpu).alive())

const theirs: { readonly [K in DType]?: tf.DataType } = {
  f32: 'float32',
  f16: 'float32',
  bf16: 'float32',
  i32: 'int32',
  bool: 'bool',
}
const ours: { readonly [name: string]: DType } = { float32: 'f32', int32: 'i32', bool: 'bool' }

const backendOf = (x: tf.Tensor): unknown => {
  const { state } = tf.engine() as unknown as {
    readonly state: { readonly tensorInfo: WeakMap<object, { backend: unknown }> }
  }
  return state.tensorInfo.get(x.dataId)?.backend
}

/**
 * A `tf.Tensor` as a Tensor: the same buffer. Each is disposed by who has it, in any order: the buffer goes when both are. Call
 * `shareDevice()` first; throws `DeviceError` where the tensor is on another device, and `DTypeError` for complex64 and string.
 */
export const fromTfjs = (x: tf.Tensor): Tensor => {
  const dtype = ours[x.dtype]
  if (dtype === undefined) throw new DTypeError('fromTfjs', [x.dtype], 'has no counterpart')
  const on = sharedBackend()
  if (on === undefined || (backendOf(x) !== on && backendOf(x) instanceof WebGPUBackend))
    throw new DeviceError('webgpu', 'fromTfjs: the tensor is on a device that is not shared; call shareDevice() first')
  // Another name of the same data, with a life of its own.
  const held = tf.keep(tf.clone(x))
  if (backendOf(held) !== on) tf.engine().moveData(on, held.dataId)
  const value =
    x.size === 0
      ? Promise.reject<never>(new DeviceError('webgpu', 'fromTfjs: the tensor is empty'))
      : Promise.resolve(
          own({ device: on.of, buffer: on.bufferOf(held.dataId) }, dtype, x.size, Promise.resolve(), () =>
            held.dispose(),
          ),
        )
  return new Tensor(buffer({ _tag: 'Device', resident: resultOf('webgpu', value) }, x.shape, dtype))
}

/** A copy on the device, for what is not there. */
const moved = compile((x: Tensor) => x, { backend: 'webgpu' })

const placeIn = async (x: Tensor): Promise<Place | undefined> => {
  const { node } = x
  if (node._tag !== 'Buffer' || node.source._tag !== 'Device' || !isResult(node.source.resident)) return undefined
  return placeOf(await node.source.resident.value)
}

/**
 * A Tensor as a `tf.Tensor`: the same buffer, once it has been computed; what is not on the device is computed or put there first. Each
 * is disposed by who has it, in any order: the buffer goes when both are. f16 and bf16 come as float32, in which they are computed.
 * Rejects with `DTypeError` for u32, which TensorFlow.js does not know.
 */
export const toTfjs = async (x: Tensor): Promise<tf.Tensor> => {
  const dtype = theirs[x.dtype]
  if (dtype === undefined) throw new DTypeError('toTfjs', [x.dtype], 'has no counterpart')
  const on = await share()
  const place = await placeIn(x)
  if (place?.device === on.of) return on.borrow(place, x.shape, dtype)
  const there = moved(x)
  try {
    return on.borrow((await placeIn(there))!, x.shape, dtype)
  } finally {
    dispose(there)
  }
}
