/** Values to and from TensorFlow.js tensors. f16 and bf16 travel widened; u32 travels as the bits of int32. */
import * as tf from '@tensorflow/tfjs-core'
import { widen, type DType, type Storage } from '../../core/dtype.ts'
import type { Shape } from '../../core/shape.ts'
import type { Values } from '../../graph/evaluate/values.ts'

/** Uploads values. */
export const upload = (data: Storage, shape: Shape, dtype: DType): tf.Tensor => {
  const wide = widen(dtype, data)
  if (wide instanceof Float32Array) return tf.tensor(wide, [...shape], 'float32')
  if (wide instanceof Uint8Array) return tf.tensor(wide, [...shape], 'bool')
  const ints = wide as Int32Array | Uint32Array
  return tf.tensor(new Int32Array(ints.buffer, ints.byteOffset, ints.length), [...shape], 'int32')
}

/** Downloads values as the evaluator keeps them. */
export const download = async (x: tf.Tensor, dtype: DType): Promise<Values> => {
  const data = await x.data()
  if (dtype === 'u32') return new Uint32Array(data.buffer, data.byteOffset, data.length)
  return data
}
