/** The rows of the op table on four values at once. Bools are masks: all bits set, or none. */
import type { DType } from '../../core/dtype.ts'
import type { BinaryOp, UnaryOp } from '../../core/ops.ts'
import type { Value } from '../kernel.ts'
import type { Body, ModuleBuilder } from './module.ts'
import { cos, pow, sin } from './double.ts'
import * as math from './math.ts'
import { call, f32x4, get, i32, i32x4, select, set, v128, type Code } from './op.ts'

/** What the code of an op may use. */
export type Context = { readonly body: Body; readonly module: ModuleBuilder }

type One = (at: Context, x: Code) => Code
const k = f32x4.const
const shift = (n: number): Code => i32.const(n)

const half =
  (inner: (body: Body, x: Code) => Code): One =>
  ({ body }, x) => {
    const own = body.local('v128')
    return [set(own, x), f32x4.mul(f32x4.mul(k(0.5), get(own)), f32x4.add(k(1), inner(body, get(own))))]
  }

const floatUnary: Readonly<Record<UnaryOp, One>> = {
  neg: (_, x) => f32x4.neg(x),
  abs: (_, x) => f32x4.abs(x),
  sign: ({ body }, x) => {
    const own = body.local('v128')
    const up = v128.select(k(1), get(own), f32x4.gt(get(own), k(0)))
    return [set(own, x), v128.select(k(-1), up, f32x4.lt(get(own), k(0)))]
  },
  floor: (_, x) => f32x4.floor(x),
  ceil: (_, x) => f32x4.ceil(x),
  round: (_, x) => f32x4.nearest(x),
  trunc: (_, x) => f32x4.trunc(x),
  sqrt: (_, x) => f32x4.sqrt(x),
  rsqrt: (_, x) => f32x4.div(k(1), f32x4.sqrt(x)),
  square: ({ body }, x) => {
    const own = body.local('v128')
    return [set(own, x), f32x4.mul(get(own), get(own))]
  },
  exp: ({ body }, x) => math.exp(body, x),
  expm1: ({ body }, x) => math.expm1(body, x),
  log: ({ body }, x) => math.log(body, x),
  log1p: ({ body }, x) => math.log1p(body, x),
  sin: ({ module }, x) => sin(module, x),
  cos: ({ module }, x) => cos(module, x),
  tanh: ({ body }, x) => math.tanh(body, x),
  erf: ({ body }, x) => math.erf(body, x),
  sigmoid: ({ body }, x) => math.sigmoid(body, x),
  relu: (_, x) => f32x4.pmax(x, k(0)),
  silu: ({ body }, x) => math.swish(body, x),
  gelu: half((body, x) => math.erf(body, f32x4.mul(x, k(Math.SQRT1_2)))),
  geluTanh: half((body, x) => {
    const cube = f32x4.mul(f32x4.mul(x, x), x)
    return math.tanh(body, f32x4.mul(k(Math.sqrt(2 / Math.PI)), f32x4.add(x, f32x4.mul(k(0.044715), cube))))
  }),
  geluQuick: ({ body }, x) => math.swish(body, x, 1.702),
  mish: ({ body }, x) => {
    const own = body.local('v128')
    return [set(own, x), f32x4.mul(get(own), math.tanh(body, math.softplus(body, get(own))))]
  },
  softplus: ({ body }, x) => math.softplus(body, x),
  isNaN: ({ body }, x) => {
    const own = body.local('v128')
    return [set(own, x), f32x4.ne(get(own), get(own))]
  },
  not: (_, x) => v128.not(x),
}

const zeroOrOne = (x: Code): Code => i32x4.shrU(x, shift(31))

const integerUnary = (op: UnaryOp, type: Value, body: Body, x: Code): Code => {
  const own = body.local('v128')
  if (op === 'neg') return i32x4.neg(x)
  if (op === 'square') return [set(own, x), i32x4.mul(get(own), get(own))]
  if (op === 'abs') return type === 'u32' ? x : i32x4.abs(x)
  const one = i32x4.const(1)
  if (type === 'u32') return i32x4.minU(x, one)
  return i32x4.maxS(i32x4.minS(x, one), i32x4.const(-1))
}

/** A row of `unary`. */
export const unaryOp = (at: Context, op: UnaryOp, type: Value, x: Code): Code =>
  type === 'i32' || type === 'u32' ? integerUnary(op, type, at.body, x) : floatUnary[op](at, x)

type Two = (x: Code, y: Code) => Code

const floatBinary: Readonly<Record<Exclude<BinaryOp, 'pow' | 'and' | 'or'>, Two>> = {
  add: f32x4.add,
  sub: f32x4.sub,
  mul: f32x4.mul,
  div: f32x4.div,
  min: f32x4.min,
  max: f32x4.max,
  lt: f32x4.lt,
  le: f32x4.le,
  gt: f32x4.gt,
  ge: f32x4.ge,
  eq: f32x4.eq,
  ne: f32x4.ne,
}
const signedBinary: Readonly<Record<Exclude<BinaryOp, 'pow' | 'and' | 'or' | 'div'>, Two>> = {
  add: i32x4.add,
  sub: i32x4.sub,
  mul: i32x4.mul,
  min: i32x4.minS,
  max: i32x4.maxS,
  lt: i32x4.ltS,
  le: i32x4.leS,
  gt: i32x4.gtS,
  ge: i32x4.geS,
  eq: i32x4.eq,
  ne: i32x4.ne,
}
const unsignedBinary: typeof signedBinary = {
  ...signedBinary,
  min: i32x4.minU,
  max: i32x4.maxU,
  lt: i32x4.ltU,
  le: i32x4.leU,
  gt: i32x4.gtU,
  ge: i32x4.geU,
}

/** Integers truncate towards zero; n / 0 is 0, and the one quotient that overflows wraps. */
const quotient = (module: ModuleBuilder, type: 'i32' | 'u32'): number =>
  module.function(`quotient ${type}`, { params: ['i32', 'i32'], results: ['i32'] }, () => {
    const [x, y] = [get(0), get(1)]
    const safe = select(i32.const(1), y, i32.or(i32.eqz(y), i32.eq(y, i32.const(type === 'i32' ? -1 : 0))))
    const value = type === 'i32' ? i32.divS(x, safe) : i32.divU(x, safe)
    const signed = type === 'i32' ? select(i32.sub(i32.const(0), x), value, i32.eq(y, i32.const(-1))) : value
    return select(i32.const(0), signed, i32.eqz(y))
  })

const divide = ({ body, module }: Context, type: 'i32' | 'u32', x: Code, y: Code): Code => {
  const [a, b, out] = [body.local('v128'), body.local('v128'), body.local('v128')]
  const index = quotient(module, type)
  const lane = (i: number): Code => call(index, [i32x4.extract(get(a), i), i32x4.extract(get(b), i)])
  return [
    set(a, x),
    set(b, y),
    set(out, i32x4.splat(lane(0))),
    [1, 2, 3].map((i) => set(out, i32x4.replace(get(out), lane(i), i))),
    get(out),
  ]
}

/** A row of `binary`, on operands of one type. */
export const binaryOp = (at: Context, op: BinaryOp, type: Value, x: Code, y: Code): Code => {
  if (op === 'and') return v128.and(x, y)
  if (op === 'or') return v128.or(x, y)
  if (op === 'pow') return pow(at.module, x, y)
  if (type === 'f32') return floatBinary[op](x, y)
  if (op === 'div') return divide(at, type === 'u32' ? 'u32' : 'i32', x, y)
  if (type === 'bool') return signedBinary[op](zeroOrOne(x), zeroOrOne(y))
  return (type === 'u32' ? unsignedBinary : signedBinary)[op](x, y)
}

const toFloat = (from: Value, x: Code): Code => {
  switch (from) {
    case 'f32':
      return x
    case 'i32':
      return f32x4.fromS(x)
    case 'u32':
      return f32x4.fromU(x)
    case 'bool':
      return v128.and(x, k(1))
  }
}

/** To 11 bits of significand or, below 2⁻¹⁴, to multiples of 2⁻²⁴; halves to even. */
const roundToHalf = ({ body }: Context, x: Code): Code => {
  const [own, a, rounded] = [body.local('v128'), body.local('v128'), body.local('v128')]
  const odd = v128.and(i32x4.shrU(get(a), shift(13)), i32x4.const(1))
  const even = v128.and(i32x4.add(i32x4.add(get(a), i32x4.const(0xfff)), odd), i32x4.const(~0x1fff))
  const small = f32x4.sub(f32x4.add(get(a), k(0.5)), k(0.5))
  return [
    set(own, x),
    set(a, f32x4.abs(get(own))),
    set(rounded, v128.select(small, even, f32x4.lt(get(a), k(2 ** -14)))),
    set(rounded, v128.select(k(Infinity), get(rounded), f32x4.gt(get(rounded), k(65504)))),
    set(rounded, v128.or(get(rounded), v128.and(get(own), i32x4.const(0x80000000)))),
    v128.select(get(own), get(rounded), f32x4.ne(get(own), get(own))),
  ]
}

const roundToBrain = ({ body }: Context, x: Code): Code => {
  const own = body.local('v128')
  const odd = v128.and(i32x4.shrU(get(own), shift(16)), i32x4.const(1))
  const even = v128.and(i32x4.add(i32x4.add(get(own), i32x4.const(0x7fff)), odd), i32x4.const(~0xffff))
  return [set(own, x), v128.select(get(own), even, f32x4.ne(get(own), get(own)))]
}

/** A conversion; 16-bit floats stay widened, rounded to what their type can say. */
export const castOp = (at: Context, from: Value, to: DType, x: Code): Code => {
  switch (to) {
    case 'f32':
      return toFloat(from, x)
    case 'f16':
      return roundToHalf(at, toFloat(from, x))
    case 'bf16':
      return roundToBrain(at, toFloat(from, x))
    case 'i32':
      if (from === 'f32') return i32x4.truncS(x)
      if (from === 'u32') return i32x4.minU(x, i32x4.const(0x7fffffff))
      return from === 'bool' ? zeroOrOne(x) : x
    case 'u32':
      if (from === 'f32') return i32x4.truncU(x)
      if (from === 'i32') return i32x4.maxS(x, i32x4.const(0))
      return from === 'bool' ? zeroOrOne(x) : x
    case 'bool':
      if (from === 'bool') return x
      return from === 'f32' ? f32x4.ne(x, k(0)) : i32x4.ne(x, i32x4.const(0))
  }
}
