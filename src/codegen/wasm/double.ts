/**
 * Functions of four float32 that need more than float32 on the way: sines of numbers that are many turns, powers. They are computed two and two
 * in float64, so that results are almost always the nearest float32. A function of the module each, for their code is long.
 */
import { cosTerms, sinTerms } from '../polynomials.ts'
import type { Body, ModuleBuilder } from './module.ts'
import { call, f32, f32x4, f64, f64x2, get, i32, i32x4, i64, i64x2, set, select, v128, when, type Code } from './op.ts'

const k = f64x2.const
const { add, sub, mul, div } = f64x2

/** a₀ + a₁ x + a₂ x² + … by Horner's rule. */
const polynomial = (x: Code, coefficients: readonly number[]): Code =>
  coefficients.slice(0, -1).reduceRight<Code>((sum, a) => add(mul(sum, x), k(a)), k(coefficients.at(-1)!))

const highHalf = [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]

/** A function of float64 in both halves of vectors of float32. */
const inHalves = (xs: readonly number[], f: (...halves: readonly Code[]) => Code): Code => {
  const half = (high: boolean): Code =>
    f64x2.demote(f(...xs.map((x) => f64x2.promoteLow(high ? v128.shuffle(get(x), get(x), highHalf) : get(x)))))
  return v128.shuffle(half(false), half(true), [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23])
}

/** Adding it rounds to an integer, kept in the low bits. */
const round = 1.5 * 2 ** 52

/** The function (r, n) that is sin(r + n π/2) for |r| ≤ π/4; the low bits of n count. */
const sineOfRest = (module: ModuleBuilder): number =>
  module.function('sine of rest', { params: ['v128', 'v128'], results: ['v128'] }, (body) => {
    const z = body.local('v128')
    const odd = i64x2.shrS(i64x2.shl(get(1), i32.const(63)), i32.const(63))
    const sign = i64x2.shl(i64x2.shrU(get(1), i32.const(1)), i32.const(63))
    return [
      set(z, mul(get(0), get(0))),
      v128.xor(
        v128.select(polynomial(get(z), [1, ...cosTerms]), mul(get(0), polynomial(get(z), [1, ...sinTerms])), odd),
        sign,
      ),
    ]
  })

/** x = n π/2 + r is found in float64 for |x| below this: n times the first part of π/2 is exact. */
const manyTurns = 2 ** 28

/** The function of two float64 that is sin(x + quarter · π/2) for |x| < 2²⁸, π/2 in two parts (Cody & Waite 1980). */
const sineOfTwo = (module: ModuleBuilder, quarter: 0 | 1): number =>
  module.function(`sine of two ${quarter}`, { params: ['v128'], results: ['v128'] }, (body) => {
    const [n, whole] = [body.local('v128'), body.local('v128')]
    const rest = sub(sub(get(0), mul(get(whole), k(1.5707963109016418))), mul(get(whole), k(1.5893254773528197e-8)))
    return [
      set(n, add(mul(get(0), k(2 / Math.PI)), k(round))),
      set(whole, sub(get(n), k(round))),
      call(sineOfRest(module), [rest, quarter === 0 ? get(n) : i64x2.add(get(n), i64x2.const(quarter, 0))]),
    ]
  })

// 4/π as bits, and 24 zeros before them.
const fourOverPi = '000000a2f9836e4e441529fc2757d1f534ddc0db6295993c439041'
const wordAt = (byte: number): number => Number.parseInt(fourOverPi.slice(2 * byte, 2 * byte + 8), 16)

/**
 * The function (bits of x) that is sin(|x| + quarter · π/2), for 128 ≤ |x| < ∞: 24 bits of x times those 96 bits of 4/π that matter (Payne & Hanek
 * 1983). After Arm, optimized-routines, sincosf.h.
 */
const sineOfHuge = (module: ModuleBuilder, quarter: 0 | 1): number =>
  module.function(`sine of huge ${quarter}`, { params: ['i32'], results: ['f64'] }, (body) => {
    const [significand, at] = [body.local('i64'), body.local('i32')]
    const [product, n] = [body.local('i64'), body.local('i64')]
    const word = (first: number): Code =>
      Array.from({ length: 16 }, (_, i) => i).reduce<Code>(
        (other, i) => select(i32.const(wordAt(first + i)), other, i32.eq(get(at), i32.const(i))),
        i32.const(0),
      )
    const times = (first: number): Code => i64.mul(get(significand), i64.extendU(word(first)))
    const whole = i32.or(i32.and(get(0), i32.const(0x7fffff)), i32.const(0x800000))
    const shift = i32.and(i32.shrU(get(0), i32.const(23)), i32.const(7))
    const rest = f64.mul(f64.fromS64(get(product)), f64.const(Math.PI * 2 ** -63))
    return [
      set(at, i32.and(i32.shrU(get(0), i32.const(26)), i32.const(15))),
      set(significand, i64.extendU(i32.shl(whole, shift))),
      // Bits above the 64 are whole turns.
      set(product, i64.shl(times(0), i64.const(32))),
      set(product, i64.add(get(product), i64.shrU(times(8), i64.const(32)))),
      set(product, i64.add(get(product), times(4))),
      set(n, i64.shrU(i64.add(get(product), i64.shl(i64.const(1), i64.const(61))), i64.const(62))),
      set(product, i64.sub(get(product), i64.shl(get(n), i64.const(62)))),
      f64x2.extract(call(sineOfRest(module), [f64x2.splat(rest), i64x2.splat(i64.add(get(n), i64.const(quarter)))]), 0),
    ]
  })

const sine = (module: ModuleBuilder, quarter: 0 | 1): number =>
  module.function(`sine ${quarter}`, { params: ['v128'], results: ['v128'] }, (body) => {
    const [out, bits] = [body.local('v128'), body.local('i32')]
    const huge = call(sineOfHuge(module, quarter), [get(bits)])
    const signed = quarter === 1 ? huge : select(f64.mul(f64.const(-1), huge), huge, i32.ltS(get(bits), i32.const(0)))
    const lane = (i: number): Code => [
      set(bits, i32x4.extract(get(0), i)),
      when(
        i32.geU(i32.shl(get(bits), i32.const(1)), i32.const(2 * (0x3f800000 + (28 << 23)))),
        set(out, f32x4.replace(get(out), f32.demote(select(f64.const(NaN), signed, infinite)), i)),
      ),
    ]
    const infinite = i32.geU(i32.shl(get(bits), i32.const(1)), i32.const(0xff000000))
    return [
      set(
        out,
        inHalves([0], (x) => call(sineOfTwo(module, quarter), [x!])),
      ),
      when(v128.anyTrue(v128.not(f32x4.lt(f32x4.abs(get(0)), f32x4.const(manyTurns)))), [0, 1, 2, 3].map(lane)),
      get(out),
    ]
  })

/** sin x, for every x. */
export const sin = (module: ModuleBuilder, x: Code): Code => call(sine(module, 0), [x])
/** cos x, for every x. */
export const cos = (module: ModuleBuilder, x: Code): Code => call(sine(module, 1), [x])

/** log₂ x = e + log₂ m with √½ ≤ m < √2, for x > 0; x itself where it is ∞ or NaN. ln m = 2 artanh((m − 1) / (m + 1)). */
const log2 = (body: Body, x: Code): Code => {
  const [own, e, m, s, z] = Array.from({ length: 5 }, () => body.local('v128')) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const terms = Array.from({ length: 9 }, (_, i) => (2 * Math.LOG2E) / (2 * i + 1))
  const value = add(sub(get(e), k(round)), mul(get(s), polynomial(get(z), terms)))
  return [
    set(own, x),
    set(e, i64x2.shrS(i64x2.sub(get(own), k(Math.SQRT1_2)), i32.const(52))),
    set(m, i64x2.sub(get(own), i64x2.shl(get(e), i32.const(52)))),
    set(e, i64x2.add(get(e), k(round))),
    set(s, div(sub(get(m), k(1)), add(get(m), k(1)))),
    set(z, mul(get(s), get(s))),
    v128.select(v128.select(k(-Infinity), value, f64x2.eq(get(own), k(0))), get(own), f64x2.lt(get(own), k(Infinity))),
  ]
}

/** 2ᵗ, with zeros and ∞ as soon as float32 has them. */
const exp2 = (body: Body, t: Code): Code => {
  const [own, n, f] = [body.local('v128'), body.local('v128'), body.local('v128')]
  const terms = Array.from({ length: 11 }, (_, i) =>
    Array.from({ length: i }, (_, j) => Math.LN2 / (j + 1)).reduce((a, b) => a * b, 1),
  )
  return [
    set(own, f64x2.pmax(f64x2.pmin(t, k(200)), k(-200))),
    set(n, add(get(own), k(round))),
    set(f, sub(get(own), sub(get(n), k(round)))),
    v128.select(
      i64x2.add(polynomial(get(f), terms), i64x2.shl(get(n), i32.const(52))),
      get(own),
      f64x2.eq(get(own), get(own)),
    ),
  ]
}

const power = (module: ModuleBuilder): number => {
  const ofTwo = module.function('power of two', { params: ['v128', 'v128'], results: ['v128'] }, (body) =>
    exp2(body, mul(get(1), log2(body, f64x2.abs(get(0))))),
  )
  return module.function('power', { params: ['v128', 'v128'], results: ['v128'] }, (body) => {
    const [x, y] = [get(0), get(1)]
    const [value, half] = [body.local('v128'), body.local('v128')]
    const one = f32x4.const(1)
    const odd = v128.and(f32x4.ne(get(half), f32x4.trunc(get(half))), f32x4.eq(y, f32x4.trunc(y)))
    const negated = v128.and(v128.and(x, odd), i32x4.const(0x80000000))
    // A negative number has no power that is not whole; −∞ has.
    const none = v128.and(
      v128.and(f32x4.lt(x, f32x4.const(0)), f32x4.ne(x, f32x4.const(-Infinity))),
      f32x4.ne(y, f32x4.trunc(y)),
    )
    const always = v128.or(f32x4.eq(x, one), f32x4.eq(y, f32x4.const(0)))
    // 1 to the power of ∞ is 1, and so is −1, though 0 · ∞ is not 0.
    const unit = v128.and(f32x4.eq(f32x4.abs(x), one), f32x4.eq(y, y))
    return [
      set(half, f32x4.mul(y, f32x4.const(0.5))),
      set(
        value,
        inHalves([0, 1], (a, b) => call(ofTwo, [a!, b!])),
      ),
      set(value, v128.xor(v128.select(one, get(value), unit), negated)),
      v128.select(one, v128.select(f32x4.const(NaN), get(value), none), always),
    ]
  })
}

/** xʸ, as the op table has it. */
export const pow = (module: ModuleBuilder, x: Code, y: Code): Code => call(power(module), [x, y])
