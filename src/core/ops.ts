/**
 * The table: every elementwise op and every reduction, once. A row is what the op means on numbers; methods, evaluator, docs and specs
 * follow from it, and each backend maps over its keys, so that a row without a kernel does not compile.
 */
import { erf, roundEven, sigmoid, softplus } from './special.ts'

/**
 * Which element types a row takes, and which it gives: `numeric` f32, i32 or u32, giving the same; `float` f32 alone; `compare` numbers
 * or bools, giving bool; `test` f32, giving bool; `logic` bools.
 */
export type Kind = 'numeric' | 'float' | 'compare' | 'test' | 'logic'

type Row<F> = { readonly kind: Kind; readonly eval: F; readonly int?: F }
type Unary = (x: number) => number
type Binary = (x: number, y: number) => number

const row = <F>(kind: Kind, evaluate: F): Row<F> => ({ kind, eval: evaluate })
const integers = <F>(evaluate: F, int: F): Row<F> => ({ kind: 'numeric', eval: evaluate, int })
const gauss = (x: number): number => 0.5 * (1 + erf(x * Math.SQRT1_2))
const gaussTanh = (x: number): number => 0.5 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))

/** Elementwise, one operand. */
export const unary = {
  /** −x */
  neg: row('numeric', (x: number) => -x),
  /** |x| */
  abs: row('numeric', Math.abs),
  /** −1, 0 or 1; keeps the sign of a zero, and NaN */
  sign: row('numeric', Math.sign),
  /** ⌊x⌋ */
  floor: row('float', Math.floor),
  /** ⌈x⌉ */
  ceil: row('float', Math.ceil),
  /** to the nearest integer, halves to even */
  round: row('float', roundEven),
  /** towards zero */
  trunc: row('float', Math.trunc),
  /** √x */
  sqrt: row('float', Math.sqrt),
  /** 1 / √x */
  rsqrt: row('float', (x: number) => 1 / Math.sqrt(x)),
  /** x² */
  square: integers(
    (x: number) => x * x,
    (x: number) => Math.imul(x, x),
  ),
  /** eˣ */
  exp: row('float', Math.exp),
  /** eˣ − 1 */
  expm1: row('float', Math.expm1),
  /** ln x */
  log: row('float', Math.log),
  /** ln (1 + x) */
  log1p: row('float', Math.log1p),
  /** sin x */
  sin: row('float', Math.sin),
  /** cos x */
  cos: row('float', Math.cos),
  /** tanh x */
  tanh: row('float', Math.tanh),
  /** 2/√π ∫₀ˣ e^(−s²) ds */
  erf: row('float', erf),
  /** σ(x) = 1 / (1 + e⁻ˣ) */
  sigmoid: row('float', sigmoid),
  /** max(x, 0) */
  relu: row('float', (x: number) => Math.max(x, 0)),
  /** x · σ(x), also called swish. Ramachandran et al. 2017 */
  silu: row('float', (x: number) => x * sigmoid(x)),
  /** x · Φ(x). Hendrycks & Gimpel 2016 */
  gelu: row('float', (x: number) => x * gauss(x)),
  /** gelu with Φ approximated by tanh. Hendrycks & Gimpel 2016 */
  geluTanh: row('float', (x: number) => x * gaussTanh(x)),
  /** x · σ(1.702 x), CLIP's quick_gelu */
  geluQuick: row('float', (x: number) => x * sigmoid(1.702 * x)),
  /** x · tanh(ln(1 + eˣ)). Misra 2019 */
  mish: row('float', (x: number) => x * Math.tanh(softplus(x))),
  /** ln (1 + eˣ) */
  softplus: row('float', softplus),
  /** is x not a number? */
  isNaN: row('test', (x: number) => (Number.isNaN(x) ? 1 : 0)),
  /** not x */
  not: row('logic', (x: number) => (x ? 0 : 1)),
} as const satisfies Record<string, Row<Unary>>

/** Elementwise, two operands, NumPy broadcasting. */
export const binary = {
  /** x + y */
  add: row('numeric', (x: number, y: number) => x + y),
  /** x − y */
  sub: row('numeric', (x: number, y: number) => x - y),
  /** x · y */
  mul: integers((x: number, y: number) => x * y, Math.imul),
  /** x / y; integers truncate towards zero, and n / 0 is 0 */
  div: integers(
    (x: number, y: number) => x / y,
    (x, y) => (y === 0 ? 0 : Math.trunc(x / y)),
  ),
  /** xʸ; 1 for y = 0 and for x = 1, as in C */
  pow: row('float', (x: number, y: number) => (x === 1 ? 1 : x === -1 && Math.abs(y) === Infinity ? 1 : x ** y)),
  /** the smaller; NaN where either is */
  min: row('numeric', Math.min),
  /** the larger; NaN where either is */
  max: row('numeric', Math.max),
  /** x < y */
  lt: row('compare', (x: number, y: number) => (x < y ? 1 : 0)),
  /** x ≤ y */
  le: row('compare', (x: number, y: number) => (x <= y ? 1 : 0)),
  /** x > y */
  gt: row('compare', (x: number, y: number) => (x > y ? 1 : 0)),
  /** x ≥ y */
  ge: row('compare', (x: number, y: number) => (x >= y ? 1 : 0)),
  /** x = y */
  eq: row('compare', (x: number, y: number) => (x === y ? 1 : 0)),
  /** x ≠ y */
  ne: row('compare', (x: number, y: number) => (x !== y ? 1 : 0)),
  /** x and y */
  and: row('logic', (x: number, y: number) => (x && y ? 1 : 0)),
  /** x or y */
  or: row('logic', (x: number, y: number) => (x || y ? 1 : 0)),
} as const satisfies Record<string, Row<Binary>>

/** Associative folds of axes, with their identity. */
export const reduce = {
  /** Σ x */
  sum: { ...binary.add, identity: 0 },
  /** Π x */
  prod: { ...binary.mul, identity: 1 },
  /** the largest; NaN where any is */
  amax: { ...binary.max, identity: -Infinity },
  /** the smallest; NaN where any is */
  amin: { ...binary.min, identity: Infinity },
  /** is any true? */
  any: { ...binary.or, identity: 0 },
  /** are all true? */
  all: { ...binary.and, identity: 1 },
} as const satisfies Record<string, Row<Binary> & { readonly identity: number }>

/** Names of the rows of `unary`. */
export type UnaryOp = keyof typeof unary
/** Names of the rows of `binary`. */
export type BinaryOp = keyof typeof binary
/** Names of the rows of `reduce`. */
export type ReduceOp = keyof typeof reduce
