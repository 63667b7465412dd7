/** Rows of the op table as ONNX nodes. */
import { computed, type DType } from '../core/dtype.ts'
import type { BinaryOp, UnaryOp } from '../core/ops.ts'
import { isUnary } from '../graph/build.ts'
import type { Map as MapNode } from '../graph/node.ts'
import { inside, type Writer } from './writer.ts'

type Unary = (w: Writer, x: string, dtype: DType) => string
type Binary = (w: Writer, x: string, y: string, dtype: DType) => string

const one =
  (op: string): Unary =>
  (w, x) =>
    w.node(op, [x])
const two =
  (op: string): Binary =>
  (w, x, y) =>
    w.node(op, [x, y])

/** u32 is kept in INT64: what left its range comes back modulo 2³². */
const wrapped = (w: Writer, x: string, dtype: DType): string =>
  dtype === 'u32' ? w.node('Mod', [x, w.number('u32', 2 ** 32)]) : x
const wrapping =
  (op: string): Binary =>
  (w, x, y, dtype) =>
    wrapped(w, w.node(op, [x, y]), dtype)

const f32 = (w: Writer, value: number): string => w.number('f32', value)
const times = (w: Writer, x: string, by: number): string => w.node('Mul', [x, f32(w, by)])
const plus = (w: Writer, x: string, by: number): string => w.node('Add', [x, f32(w, by)])
const choose = (w: Writer, condition: string, x: string, y: string): string => w.node('Where', [condition, x, y])

const unary: Readonly<Record<UnaryOp, Unary>> = {
  neg: (w, x, dtype) => wrapped(w, w.node('Neg', [x]), dtype),
  abs: one('Abs'),
  // ONNX has no sign of NaN.
  sign: (w, x, dtype) =>
    dtype === 'f32' ? choose(w, w.node('IsNaN', [x]), x, w.node('Sign', [x])) : w.node('Sign', [x]),
  floor: one('Floor'),
  ceil: one('Ceil'),
  round: one('Round'),
  trunc: (w, x) => choose(w, w.node('Less', [x, f32(w, 0)]), w.node('Ceil', [x]), w.node('Floor', [x])),
  sqrt: one('Sqrt'),
  rsqrt: (w, x) => w.node('Reciprocal', [w.node('Sqrt', [x])]),
  square: (w, x, dtype) => wrapped(w, w.node('Mul', [x, x]), dtype),
  exp: one('Exp'),
  // eˣ − 1 = tanh(x / 2) (eˣ + 1), without cancellation
  expm1: (w, x) => w.node('Mul', [w.node('Tanh', [times(w, x, 0.5)]), plus(w, w.node('Exp', [x]), 1)]),
  log: one('Log'),
  // ln u · x / (u − 1) with u = 1 + x rounded. Kahan, in Goldberg 1991, theorem 4
  log1p: (w, x) => {
    const u = plus(w, x, 1)
    const log = w.node('Log', [u])
    const near = w.node('Mul', [log, w.node('Div', [x, plus(w, u, -1)])])
    const tiny = choose(w, w.node('Equal', [u, f32(w, 1)]), x, near)
    return choose(w, w.node('Equal', [u, f32(w, Infinity)]), log, tiny)
  },
  sin: one('Sin'),
  cos: one('Cos'),
  tanh: one('Tanh'),
  erf: one('Erf'),
  sigmoid: one('Sigmoid'),
  relu: one('Relu'),
  silu: (w, x) => w.node('Mul', [x, w.node('Sigmoid', [x])]),
  // In the form that runtimes know as one kernel.
  gelu: (w, x) => {
    const phi = plus(w, w.node('Erf', [w.node('Div', [x, f32(w, Math.SQRT2)])]), 1)
    return times(w, w.node('Mul', [x, phi]), 0.5)
  },
  geluTanh: (w, x) => {
    const cube = w.node('Mul', [w.node('Mul', [x, x]), x])
    const inner = times(w, w.node('Add', [x, times(w, cube, 0.044715)]), Math.sqrt(2 / Math.PI))
    return w.node('Mul', [times(w, x, 0.5), plus(w, w.node('Tanh', [inner]), 1)])
  },
  geluQuick: (w, x) => w.node('Mul', [x, w.node('Sigmoid', [times(w, x, 1.702)])]),
  mish: (w, x) => w.node('Mul', [x, w.node('Tanh', [w.node('Softplus', [x])])]),
  softplus: one('Softplus'),
  isNaN: one('IsNaN'),
  not: one('Not'),
}

/** Comparisons of bools are those of 0 and 1. */
const comparing =
  (op: string, negated = false): Binary =>
  (w, x, y, dtype) => {
    const given = dtype === 'bool' ? [w.cast(x, 'INT32'), w.cast(y, 'INT32')] : [x, y]
    const holds = w.node(op, given)
    return negated ? w.node('Not', [holds]) : holds
  }

const binary: Readonly<Record<BinaryOp, Binary>> = {
  add: wrapping('Add'),
  sub: wrapping('Sub'),
  mul: wrapping('Mul'),
  // Division by the integer zero is an error elsewhere and 0 here; −2³¹ / −1 needs 64 bits.
  div: (w, x, y, dtype) => {
    if (dtype === 'f32') return w.node('Div', [x, y])
    const [a, b] = dtype === 'i32' ? [w.cast(x, 'INT64'), w.cast(y, 'INT64')] : [x, y]
    const [zero, unit] = [w.integers([0], []), w.integers([1], [])]
    const none = w.node('Equal', [b, zero])
    const quotient = choose(w, none, zero, w.node('Div', [a, choose(w, none, unit, b)]))
    return dtype === 'i32' ? w.cast(quotient, 'INT32') : quotient
  },
  pow: two('Pow'),
  min: two('Min'),
  max: two('Max'),
  lt: comparing('Less'),
  le: comparing('LessOrEqual'),
  gt: comparing('Greater'),
  ge: comparing('GreaterOrEqual'),
  eq: comparing('Equal'),
  ne: comparing('Equal', true),
  and: two('And'),
  or: two('Or'),
}

const extremes = { i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1] } as const

/** Towards zero, NaN to 0, and what is out of range to the nearest that is in it. */
const toInteger = (w: Writer, x: string, from: DType, to: 'i32' | 'u32'): string => {
  if (from === 'bool') return w.cast(x, inside[to])
  const [low, high] = extremes[to]
  const bound = (y: string): string =>
    w.node('Max', [w.node('Min', [y, w.integers([high], [])]), w.integers([low], [])])
  if (from !== 'f32') return w.cast(bound(w.cast(x, 'INT64')), inside[to])
  const number = choose(w, w.node('IsNaN', [x]), f32(w, 0), x)
  const near = w.node('Max', [w.node('Min', [number, f32(w, 2 ** 33)]), f32(w, -(2 ** 33))])
  return w.cast(bound(w.cast(near, 'INT64')), inside[to])
}

const cast = (w: Writer, x: string, from: DType, to: DType): string => {
  switch (to) {
    case 'i32':
    case 'u32':
      return from === to ? x : toInteger(w, x, from, to)
    case 'f32':
      return from === 'f32' ? x : w.cast(x, 'FLOAT')
    case 'f16':
    case 'bf16':
      return w.cast(w.cast(x, to === 'f16' ? 'FLOAT16' : 'BFLOAT16'), 'FLOAT')
    case 'bool':
      return w.cast(x, 'BOOL')
  }
}

/** An elementwise op of these operands. */
export const map = (w: Writer, n: MapNode, [x, y, z]: readonly string[]): string => {
  const dtype = computed(n.xs[0]!.dtype)
  if (n.op === 'cast') return cast(w, x!, dtype, n.dtype)
  if (n.op === 'where') {
    if (n.dtype !== 'bool') return choose(w, x!, y!, z!)
    return w.node('Or', [w.node('And', [x!, y!]), w.node('And', [w.node('Not', [x!]), z!])])
  }
  return isUnary(n.op) ? unary[n.op](w, x!, dtype) : binary[n.op](w, x!, y!, dtype)
}
