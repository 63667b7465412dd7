/** Transposition and folds for every dtype: TensorFlow.js's WebGPU kernels are valid WGSL for float32 alone. */
import * as tf from '@tensorflow/tfjs-core'

/** 1 where true, else 0. A cast would only rename the dtype, and leave the memory as it is. */
export const asNumbers = (x: tf.Tensor): tf.Tensor => tf.where(x, tf.scalar(1), tf.scalar(0))

/** x with its axes in this order. */
export const transpose = (x: tf.Tensor, axes: readonly number[]): tf.Tensor =>
  x.dtype === 'bool' ? tf.greater(tf.transpose(asNumbers(x), [...axes]), 0) : tf.transpose(x, [...axes])

/** Is any of them true? Axes stay with extent 1. */
export const some = (x: tf.Tensor, axes: number[]): tf.Tensor => tf.greater(tf.max(asNumbers(x), axes, true), 0)

/** Are all of them true? Axes stay with extent 1. */
export const every = (x: tf.Tensor, axes: number[]): tf.Tensor => tf.greater(tf.min(asNumbers(x), axes, true), 0)
