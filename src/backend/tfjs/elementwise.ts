/** Elementwise ops and folds in TensorFlow.js, one line a row of the op table. */
import * as tf from '@tensorflow/tfjs-core'
import { every, some } from './transpose.ts'
import type { BinaryOp, ReduceOp, UnaryOp } from '../../core/ops.ts'

type T = tf.Tensor
const gate = (x: T, weight: T): T => tf.mul(x, weight)
const nan = (): T => tf.scalar(NaN)
// The kernels take the smaller or larger of a number and NaN as they please.
const strict =
  (f: (x: T, y: T) => T) =>
  (x: T, y: T): T => {
    if (x.dtype !== 'float32') return f(x, y)
    return tf.where(tf.logicalOr(tf.isNaN(x), tf.isNaN(y)), nan(), f(x, y))
  }
const strictFold =
  (f: (x: T, axes: number[]) => T) =>
  (x: T, axes: number[]): T =>
    x.dtype !== 'float32' ? f(x, axes) : tf.where(some(tf.isNaN(x), axes), nan(), f(x, axes))

/** The rows of `unary`. */
export const unaryKernels: { readonly [K in UnaryOp]: (x: T) => T } = {
  neg: tf.neg,
  abs: tf.abs,
  sign: (x) => tf.where(tf.greater(x, 0), tf.onesLike(x), tf.where(tf.less(x, 0), tf.scalar(-1), x)),
  floor: tf.floor,
  ceil: tf.ceil,
  round: tf.round,
  trunc: (x) => tf.where(tf.less(x, 0), tf.ceil(x), tf.floor(x)),
  sqrt: tf.sqrt,
  rsqrt: tf.rsqrt,
  square: tf.square,
  exp: tf.exp,
  expm1: tf.expm1,
  log: tf.log,
  log1p: tf.log1p,
  sin: tf.sin,
  cos: tf.cos,
  tanh: tf.tanh,
  erf: tf.erf,
  sigmoid: tf.sigmoid,
  relu: (x) => tf.where(tf.isNaN(x), x, tf.relu(x)),
  silu: (x) => gate(x, tf.sigmoid(x)),
  gelu: (x) => gate(x, tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5)),
  geluTanh: (x) =>
    gate(
      x,
      tf.mul(
        tf.add(tf.tanh(tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI))), 1),
        0.5,
      ),
    ),
  geluQuick: (x) => gate(x, tf.sigmoid(tf.mul(x, 1.702))),
  mish: (x) => gate(x, tf.tanh(tf.softplus(x))),
  softplus: tf.softplus,
  isNaN: tf.isNaN,
  not: tf.logicalNot,
}

/** The rows of `binary`. */
export const binaryKernels: { readonly [K in BinaryOp]: (x: T, y: T) => T } = {
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
  div: tf.div,
  // 1 to any power is 1, NaN's too, and so is −1 to ±∞; JavaScript's own pow has it otherwise.
  pow: (x, y) =>
    tf.where(tf.logicalOr(tf.equal(x, 1), tf.logicalAnd(tf.equal(x, -1), tf.isInf(y))), tf.scalar(1), tf.pow(x, y)),
  min: strict(tf.minimum),
  max: strict(tf.maximum),
  lt: tf.less,
  le: tf.lessEqual,
  gt: tf.greater,
  ge: tf.greaterEqual,
  eq: tf.equal,
  ne: tf.notEqual,
  and: tf.logicalAnd,
  or: tf.logicalOr,
}

/** The rows of `reduce`. Axes stay with extent 1. */
export const foldKernels: { readonly [K in ReduceOp]: (x: T, axes: number[]) => T } = {
  sum: (x, axes) => tf.sum(x, axes, true),
  prod: (x, axes) => tf.prod(x, axes, true),
  amax: strictFold((x, axes) => tf.max(x, axes, true)),
  amin: strictFold((x, axes) => tf.min(x, axes, true)),
  any: some,
  all: every,
}
