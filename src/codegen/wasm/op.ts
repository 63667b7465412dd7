/** Instructions, as functions of the code that pushes their operands: `f32x4.add(get(x), get(y))`. */
import { flatten, float32, float64, signed, unsigned, word, type Bytes } from './bytes.ts'

/** Code: the instructions of an expression or a statement. */
export type Code = Bytes

/** The type of a local, a parameter or a result. */
export type ValueType = 'i32' | 'f32' | 'f64' | 'v128' | 'i64'

/** How the binary format writes a type. */
export const typeCode: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b }

type One = (x: Code) => Code
type Two = (x: Code, y: Code) => Code
type Load = (at: Code, offset?: number) => Code
type Store = (at: Code, value: Code, offset?: number) => Code

const one =
  (code: number): One =>
  (x) => [x, code]
const two =
  (code: number): Two =>
  (x, y) => [x, y, code]
const memory = (align: number, offset: number): Code => [align, unsigned(offset)]
const load =
  (code: number, align: number): Load =>
  (at, offset = 0) => [at, code, memory(align, offset)]
const store =
  (code: number, align: number): Store =>
  (at, value, offset = 0) => [at, value, code, memory(align, offset)]
const simd = (code: number): Code => [0xfd, unsigned(code)]
const vector1 = (code: number): One => {
  const op = simd(code)
  return (x) => [x, op]
}
const vector2 = (code: number): Two => {
  const op = simd(code)
  return (x, y) => [x, y, op]
}
const vectorLoad = (code: number, align = 2): Load => {
  const op = simd(code)
  return (at, offset = 0) => [at, op, align, unsigned(offset)]
}

/** 32-bit integers and addresses. */
export const i32 = {
  const: (n: number): Code => [0x41, signed(n)],
  add: two(0x6a),
  sub: two(0x6b),
  mul: two(0x6c),
  divS: two(0x6d),
  divU: two(0x6e),
  remU: two(0x70),
  and: two(0x71),
  or: two(0x72),
  xor: two(0x73),
  shl: two(0x74),
  shrS: two(0x75),
  shrU: two(0x76),
  eqz: one(0x45),
  eq: two(0x46),
  ne: two(0x47),
  ltS: two(0x48),
  ltU: two(0x49),
  gtS: two(0x4a),
  gtU: two(0x4b),
  leU: two(0x4d),
  geS: two(0x4e),
  geU: two(0x4f),
  load: load(0x28, 2),
  load16U: load(0x2f, 1),
  store: store(0x36, 2),
} as const

/** float32. */
export const f32 = {
  const: (x: number): Code => [0x43, float32(x)],
  load: load(0x2a, 2),
  store: store(0x38, 2),
  add: two(0x92),
  sub: two(0x93),
  mul: two(0x94),
  div: two(0x95),
  min: two(0x96),
  max: two(0x97),
  eq: two(0x5b),
  ne: two(0x5c),
  lt: two(0x5d),
  sqrt: one(0x91),
  demote: one(0xb6),
} as const

/** float64, for sums. */
export const f64 = {
  const: (x: number): Code => [0x44, float64(x)],
  load: load(0x2b, 3),
  store: store(0x39, 3),
  add: two(0xa0),
  sub: two(0xa1),
  mul: two(0xa2),
  div: two(0xa3),
  max: two(0xa5),
  sqrt: one(0x9f),
  promote: one(0xbb),
  fromS64: one(0xb9),
} as const

/** 64-bit integers. */
export const i64 = {
  const: (n: number): Code => [0x42, signed(n)],
  extendU: one(0xad),
  add: two(0x7c),
  sub: two(0x7d),
  mul: two(0x7e),
  shl: two(0x86),
  shrU: two(0x88),
} as const

/** 128 bits, whatever they are. */
export const v128 = {
  load: vectorLoad(0, 2),
  load16x4U: vectorLoad(4, 1),
  load32Splat: vectorLoad(9, 2),
  load32Zero: vectorLoad(92, 2),
  load64Zero: vectorLoad(93, 2),
  store: (at: Code, value: Code, offset = 0): Code => [at, value, 0xfd, 11, 2, unsigned(offset)],
  store64Lane: (at: Code, value: Code, lane: number, offset = 0): Code => [
    at,
    value,
    simd(91),
    memory(2, offset),
    lane,
  ],
  store32Lane: (at: Code, value: Code, lane: number, offset = 0): Code => [
    at,
    value,
    simd(90),
    memory(2, offset),
    lane,
  ],
  load32Lane: (at: Code, into: Code, lane: number, offset = 0): Code => [at, into, simd(86), memory(2, offset), lane],
  load16Lane: (at: Code, into: Code, lane: number, offset = 0): Code => [at, into, simd(85), memory(1, offset), lane],
  const: (words: readonly number[]): Code => flatten([0xfd, 12, words.map(word)]),
  shuffle: (x: Code, y: Code, lanes: readonly number[]): Code => [x, y, simd(13), [...lanes]],
  not: vector1(77),
  and: vector2(78),
  andnot: vector2(79),
  or: vector2(80),
  xor: vector2(81),
  /** 1 where any bit is set, else 0. */
  anyTrue: vector1(83),
  /** The bits of x where those of mask are set, else those of y. */
  select: (x: Code, y: Code, mask: Code): Code => [x, y, mask, simd(82)],
} as const

// The few constants of a program, each made once.
const constants = new Map<number, Code>()

/** Four 32-bit integers. */
export const i32x4 = {
  const: (n: number): Code => {
    const there = constants.get(n | 0) ?? v128.const([n, n, n, n])
    if (constants.size > 4096) constants.clear()
    constants.set(n | 0, there)
    return there
  },
  splat: vector1(17),
  extract: (x: Code, lane: number): Code => [x, simd(27), lane],
  replace: (x: Code, value: Code, lane: number): Code => [x, value, simd(28), lane],
  eq: vector2(55),
  ne: vector2(56),
  ltS: vector2(57),
  ltU: vector2(58),
  gtS: vector2(59),
  gtU: vector2(60),
  leS: vector2(61),
  leU: vector2(62),
  geS: vector2(63),
  geU: vector2(64),
  abs: vector1(160),
  neg: vector1(161),
  shl: vector2(171),
  shrS: vector2(172),
  shrU: vector2(173),
  add: vector2(174),
  sub: vector2(177),
  mul: vector2(181),
  minS: vector2(182),
  minU: vector2(183),
  maxS: vector2(184),
  maxU: vector2(185),
  truncS: vector1(248),
  truncU: vector1(249),
} as const

const bits = new DataView(new ArrayBuffer(8))
const bitsOf = (x: number): number => {
  bits.setFloat32(0, x)
  return bits.getUint32(0)
}
/** The low word and the high one of a float64. */
const wordsOf = (x: number): readonly [number, number] => {
  bits.setFloat64(0, x)
  return [bits.getInt32(4), bits.getInt32(0)]
}

/** Four float32. `pmin(a, b)` is b < a ? b : a, `pmax(a, b)` is a < b ? b : a. */
export const f32x4 = {
  const: (x: number): Code => i32x4.const(bitsOf(x)),
  splat: vector1(19),
  extract: (x: Code, lane: number): Code => [x, simd(31), lane],
  replace: (x: Code, value: Code, lane: number): Code => [x, value, simd(32), lane],
  eq: vector2(65),
  ne: vector2(66),
  lt: vector2(67),
  gt: vector2(68),
  le: vector2(69),
  ge: vector2(70),
  ceil: vector1(103),
  floor: vector1(104),
  trunc: vector1(105),
  nearest: vector1(106),
  abs: vector1(224),
  neg: vector1(225),
  sqrt: vector1(227),
  add: vector2(228),
  sub: vector2(229),
  mul: vector2(230),
  div: vector2(231),
  min: vector2(232),
  max: vector2(233),
  pmin: vector2(234),
  pmax: vector2(235),
  fromS: vector1(250),
  fromU: vector1(251),
  /** x · y + z, rounded once or twice. */
  relaxedMadd: (x: Code, y: Code, z: Code): Code => [x, y, z, simd(261)],
} as const

/** Two float64. */
export const f64x2 = {
  zero: v128.const([0, 0, 0, 0]),
  const: (x: number): Code => i64x2.const(...wordsOf(x)),
  splat: vector1(20),
  extract: (x: Code, lane: number): Code => [x, simd(33), lane],
  eq: vector2(71),
  ne: vector2(72),
  lt: vector2(73),
  abs: vector1(236),
  add: vector2(240),
  sub: vector2(241),
  mul: vector2(242),
  div: vector2(243),
  pmin: vector2(246),
  pmax: vector2(247),
  nearest: vector1(148),
  /** The lower two float32 of a vector. */
  promoteLow: vector1(95),
  /** As float32 in the lower half, and zeros. */
  demote: vector1(94),
} as const

/** Two 64-bit integers. */
export const i64x2 = {
  /** Both of them, given as words. */
  const: (low: number, high: number): Code => v128.const([low, high, low, high]),
  splat: vector1(18),
  shl: vector2(203),
  shrS: vector2(204),
  shrU: vector2(205),
  add: vector2(206),
  sub: vector2(209),
} as const

/** Between threads. */
export const atomic = {
  load: (at: Code, offset = 0): Code => [at, 0xfe, 0x10, memory(2, offset)],
  store: (at: Code, value: Code, offset = 0): Code => [at, value, 0xfe, 0x17, memory(2, offset)],
  add: (at: Code, value: Code, offset = 0): Code => [at, value, 0xfe, 0x1e, memory(2, offset)],
  sub: (at: Code, value: Code, offset = 0): Code => [at, value, 0xfe, 0x25, memory(2, offset)],
  notify: (at: Code, count: Code, offset = 0): Code => [at, count, 0xfe, 0x00, memory(2, offset)],
  /** Sleeps while the word has the expected value, for so many nanoseconds at most. */
  wait: (at: Code, expected: Code, nanoseconds: number): Code => [
    at,
    expected,
    [0x42, signed(nanoseconds)],
    0xfe,
    0x01,
    memory(2, 0),
    0x1a,
  ],
} as const

/** The value of a local. */
export const get = (local: number): Code => [0x20, unsigned(local)]
/** Gives a local a value. */
export const set = (local: number, value: Code): Code => [value, 0x21, unsigned(local)]
/** Gives a local a value, which is the expression's too. */
export const tee = (local: number, value: Code): Code => [value, 0x22, unsigned(local)]
/** Calls a function of the module by its index. */
export const call = (index: number, args: readonly Code[]): Code => [...args, 0x10, unsigned(index)]
/** x where the condition is not 0, else y. */
export const select = (x: Code, y: Code, condition: Code): Code => [x, y, condition, 0x1b]
/** Forgets a value. */
export const drop = (x: Code): Code => [x, 0x1a]
/** A statement to leave with `br`. */
export const block = (body: Code): Code => [0x02, 0x40, body, 0x0b]
/** A statement to begin again with `br`. */
export const loop = (body: Code): Code => [0x03, 0x40, body, 0x0b]
/** Is this such a statement? */
export const isLoop = (code: readonly Code[]): boolean => code.length === 4 && code[0] === 0x03 && code[1] === 0x40
/** Is this a vector given in the code? */
export const isVectorConstant = (code: Uint8Array): boolean => code.length === 18 && code[0] === 0xfd && code[1] === 12
/** Leaves, or begins again, the statement so many levels out. */
export const br = (depth: number): Code => [0x0c, unsigned(depth)]
/** The same where the condition is not 0. */
export const brIf = (depth: number, condition: Code): Code => [condition, 0x0d, unsigned(depth)]
/** A statement where the condition is not 0, else another. */
export const when = (condition: Code, yes: Code, no?: Code): Code => [
  condition,
  0x04,
  0x40,
  yes,
  no === undefined ? [] : [0x05, no],
  0x0b,
]
/** Nothing. */
export const nothing: Code = []
