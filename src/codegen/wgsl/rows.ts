/** The rows of the op table as WGSL, on one value or on four. Operands are names or parenthesised; so is what comes out. */
import type { DType } from '../../core/dtype.ts'
import { reduce as folds, type BinaryOp, type ReduceOp, type UnaryOp } from '../../core/ops.ts'
import type { Value } from '../kernel.ts'
import { literal, mathFunction, types, type FunctionName, type Lanes } from './math.ts'
import type { ShaderWriter } from './writer.ts'

/** Where an op's text goes, and how many values it is of. */
export type Scope = { readonly writer: ShaderWriter; readonly lanes: Lanes }

/** The type of so many values. */
export const typeText = (type: Value, lanes: Lanes): string => {
  const { F, I, U, B } = types(lanes)
  return { f32: F, i32: I, u32: U, bool: B }[type]
}

const call = ({ writer, lanes }: Scope, name: FunctionName, ...xs: readonly string[]): string =>
  `${mathFunction(writer, name, lanes)}(${xs.join(', ')})`

const builtin = (name: string) => (_: Scope, x: string) => `${name}(${x})`
const own = (name: FunctionName) => (scope: Scope, x: string) => call(scope, name, x)

const floatUnary: Readonly<Record<UnaryOp, (scope: Scope, x: string) => string>> = {
  neg: (_, x) => `(-${x})`,
  abs: builtin('abs'),
  sign: own('sign'),
  floor: builtin('floor'),
  ceil: builtin('ceil'),
  round: builtin('round'),
  trunc: builtin('trunc'),
  sqrt: builtin('sqrt'),
  rsqrt: (_, x) => `(1 / sqrt(${x}))`,
  square: (_, x) => `(${x} * ${x})`,
  exp: own('exp'),
  expm1: own('expm1'),
  log: own('log'),
  log1p: own('log1p'),
  sin: own('sin'),
  cos: own('cos'),
  tanh: own('tanh'),
  erf: own('erf'),
  sigmoid: own('sigmoid'),
  relu: own('relu'),
  silu: own('silu'),
  gelu: own('gelu'),
  geluTanh: own('geluTanh'),
  geluQuick: own('geluQuick'),
  mish: own('mish'),
  softplus: own('softplus'),
  isNaN: own('isNaN'),
  not: (_, x) => `(!${x})`,
}

/** A row of `unary` on a value of that type. */
export const unaryText = (scope: Scope, op: UnaryOp, type: Value, x: string): string => {
  if (type === 'f32' || type === 'bool') return floatUnary[op](scope, x)
  const T = typeText(type, scope.lanes)
  if (op === 'square') return `(${x} * ${x})`
  if (type === 'u32') return op === 'neg' ? `(${T}(0u) - ${x})` : op === 'sign' ? `min(${x}, ${T}(1u))` : x
  return op === 'neg' ? `(-${x})` : `${op}(${x})`
}

const symbols: Readonly<Record<Exclude<BinaryOp, 'pow' | 'min' | 'max'>, string>> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
  eq: '==',
  ne: '!=',
  and: '&',
  or: '|',
}

/** A row of `binary` on values of one type. */
export const binaryText = (scope: Scope, op: BinaryOp, type: Value, x: string, y: string): string => {
  if (op === 'pow') return call(scope, 'pow', x, y)
  if (op === 'min' || op === 'max') {
    if (type === 'bool') return `(${x} ${op === 'min' ? '&' : '|'} ${y})`
    return type === 'f32' ? call(scope, op === 'min' ? 'minimum' : 'maximum', x, y) : `${op}(${x}, ${y})`
  }
  const ordered = op === 'lt' || op === 'le' || op === 'gt' || op === 'ge'
  if (type === 'bool' && ordered) {
    const U = types(scope.lanes).U
    return `(${U}(${x}) ${symbols[op]} ${U}(${y}))`
  }
  // WGSL's own != is false of NaN, as compilers have it.
  if (op === 'ne' && type === 'f32') return `(!(${x} == ${y}))`
  const value = `(${x} ${symbols[op]} ${y})`
  if (op !== 'div' || type === 'f32') return value
  const T = typeText(type, scope.lanes)
  return `select(${value}, ${T}(0), ${y} == ${T}(0))`
}

/** `condition ? x : y`. */
export const whereText = (condition: string, x: string, y: string): string => `select(${y}, ${x}, ${condition})`

/** A conversion; 16-bit floats stay widened, rounded to what their type can say. */
export const castText = (scope: Scope, from: Value, to: DType, x: string): string => {
  const { F, I, U } = types(scope.lanes)
  const float = from === 'f32' ? x : `${F}(${x})`
  switch (to) {
    case 'f32':
      return float
    case 'f16':
      return call(scope, 'toHalf', float)
    case 'bf16':
      return call(scope, 'toBrain', float)
    case 'i32':
      if (from === 'f32') return call(scope, 'toInt', x)
      if (from === 'u32') return `${I}(min(${x}, ${U}(0x7fffffffu)))`
      return from === 'bool' ? `${I}(${x})` : x
    case 'u32':
      if (from === 'f32') return call(scope, 'toUint', x)
      if (from === 'i32') return `${U}(max(${x}, ${I}(0)))`
      return from === 'bool' ? `${U}(${x})` : x
    case 'bool':
      if (from === 'bool') return x
      return binaryText(scope, 'ne', from, x, `${typeText(from, scope.lanes)}(0)`)
  }
}

/** One step of a fold. */
export const foldText = (scope: Scope, op: ReduceOp, type: Value, x: string, y: string): string => {
  const binary = { sum: 'add', prod: 'mul', amax: 'max', amin: 'min', any: 'or', all: 'and' } as const
  return binaryText(scope, binary[op], type, x, y)
}

/** Where a fold starts; what leaves it as it is. */
export const identityText = ({ writer, lanes }: Scope, op: ReduceOp, type: Value): string => {
  const { identity } = folds[op]
  const T = typeText(type, lanes)
  if (type === 'bool') return `${T}(${identity !== 0})`
  if (type === 'f32') {
    if (Number.isFinite(identity)) return `${T}(${literal(identity)})`
    writer.private('inf_bits', '0x7f800000u')
    return `${T}(${identity < 0 ? '-' : ''}bitcast<f32>(inf_bits))`
  }
  const [low, high] = type === 'i32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1]
  return `${T}(${Math.min(Math.max(identity, low), high)})`
}
