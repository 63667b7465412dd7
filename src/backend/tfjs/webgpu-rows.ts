/** Rows of the op table for which WGSL's own functions promise too little: NaN and ∞ at will, sines within 2⁻¹¹. */
import * as tf from '@tensorflow/tfjs-core'
import type { BinaryOp, UnaryOp } from '../../core/ops.ts'
import { binaryKernels } from './elementwise.ts'

type T = tf.Tensor
const nan = (): T => tf.scalar(NaN)
const orNaN = (f: (x: T) => T) => (x: T) => tf.where(tf.isNaN(x), x, f(x))

/** Σ cᵢ zⁱ, by Horner's rule. */
const polynomial = (z: T, ...c: readonly number[]): T =>
  c.reduceRight<T>((sum, k) => tf.add(tf.mul(sum, z), k), tf.scalar(0))

// π/2 in three parts, the first two of so few bits that a multiple of them is exact. Cody & Waite 1980.
const halfPi = [1.5703125, 4.837512969970703125e-4, 7.54978995489188216e-8] as const

/** sin(x + quarter · π/2), by polynomials on ±π/4 (Cephes' sinf and cosf). */
const sine = (quarter: number) => (x: T) => {
  const turns = tf.round(tf.mul(x, 2 / Math.PI))
  const r = halfPi.reduce<T>((rest, part) => tf.sub(rest, tf.mul(turns, part)), x)
  const z = tf.square(r)
  const odd = tf.add(r, tf.mul(tf.mul(r, z), polynomial(z, -1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4)))
  const even = polynomial(z, 1, -0.5, 4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5)
  const at = tf.add(turns, quarter)
  const quadrant = tf.sub(at, tf.mul(tf.floor(tf.mul(at, 0.25)), 4))
  const uses = tf.logicalOr(tf.equal(quadrant, 1), tf.equal(quadrant, 3))
  const value = tf.where(uses, even, odd)
  return tf.where(tf.isFinite(x), tf.where(tf.greaterEqual(quadrant, 2), tf.neg(value), value), nan())
}

/** Unary rows. */
export const webgpuUnary: { readonly [K in UnaryOp]?: (x: T) => T } = {
  exp: orNaN(tf.exp),
  expm1: orNaN(tf.expm1),
  log: orNaN(tf.log),
  log1p: (x) => tf.where(tf.less(x, -1), nan(), orNaN(tf.log1p)(x)),
  sigmoid: orNaN(tf.sigmoid),
  softplus: orNaN(tf.softplus),
  sin: sine(0),
  cos: sine(1),
}

/** Binary rows. */
export const webgpuBinary: { readonly [K in BinaryOp]?: (x: T, y: T) => T } = {
  pow: (x, y) => {
    const vanishes = tf.logicalOr(
      tf.logicalAnd(tf.equal(x, 0), tf.greater(y, 0)),
      tf.logicalAnd(tf.isInf(x), tf.less(y, 0)),
    )
    return tf.where(vanishes, tf.scalar(0), binaryKernels.pow(x, y))
  },
}
