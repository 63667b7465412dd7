/** Functions of four float32 at once, to a few ulp, with NaN, ±∞ and overflow as the op table has them. */
import { erfBottom, erfTop, exp2Terms, expTerms, logTerms, tanhBottom, tanhTop } from '../polynomials.ts'
import { madd } from './madd.ts'
import type { Body } from './module.ts'
import { f32x4, get, i32x4, set, tee, v128, type Code } from './op.ts'

const k = f32x4.const
const { add, sub, mul, div } = f32x4

/** a₀ + a₁ x + a₂ x² + … by Horner's rule. */
const polynomial = (body: Body, x: Code, coefficients: readonly number[]): Code =>
  coefficients.slice(0, -1).reduceRight<Code>((sum, a) => madd(body, sum, x, k(a)), k(coefficients.at(-1)!))

const round = 12582912 // 1.5 · 2²³: adding it rounds to an integer, kept in the low bits

/** eˣ = 2ⁿ eʳ, n = [x / ln 2], with ln 2 in two parts (Cody & Waite 1980). */
export const exp = (body: Body, x: Code): Code => {
  const [given, n, r] = [body.local('v128'), body.local('v128'), body.local('v128')]
  const clamped = f32x4.pmax(f32x4.pmin(tee(given, x), k(88.8)), k(-87.4))
  const scaled = [set(r, clamped), set(n, add(mul(get(r), k(Math.LOG2E)), k(round)))]
  const whole = sub(get(n), k(round))
  const reduced = [...scaled, set(r, sub(sub(get(r), mul(whole, k(0.693359375))), mul(whole, k(-2.1219444e-4))))]
  // The bits of a NaN, moved to where exponents are, would make a number of it.
  const exponent = v128.and(i32x4.shl(get(n), [0x41, 23]), f32x4.eq(get(given), get(given)))
  const result = i32x4.add(polynomial(body, get(r), expTerms), exponent)
  const finite = v128.andnot(result, f32x4.lt(get(given), k(-87.336)))
  return [reduced, v128.select(k(Infinity), finite, f32x4.gt(get(given), k(88.7228)))]
}

/** 2ˣ for −125.5 ≤ x ≤ 128, 0 below and ∞ beyond; NaN stays. For sums and quotients, where what is far below 1 is nothing. */
export const exp2 = (body: Body, x: Code): Code => exp2Below(body, f32x4.pmin(x, k(128)))

/** The same for x ≤ 128. */
export const exp2Below = (body: Body, x: Code): Code => {
  const [n, f, square] = [body.local('v128'), body.local('v128'), body.local('v128')]
  // 2ˣ = 2ⁿ⁻¹ · 2 · 2ᶠ: a product, by a power that is a float for every n, and NaN stays by itself.
  const [a0, a1, a2, a3, a4, a5] = exp2Terms.map((a) => 2 * a) as [number, number, number, number, number, number]
  const pair = (low: number, high: number): Code => madd(body, k(high), get(f), k(low))
  const fourth = mul(get(square), get(square))
  return [
    set(f, f32x4.pmax(x, k(-126))),
    // The exponent of 2ⁿ⁻¹ in the low bits. Halves are rounded as `nearest` rounds them, for 126 is even.
    set(n, add(get(f), k(round + 126))),
    set(f, sub(get(f), f32x4.nearest(get(f)))),
    set(square, mul(get(f), get(f))),
    // By pairs (Estrin's scheme): a chain half as long, and the engine does not interleave chains.
    mul(
      madd(body, pair(a4, a5), fourth, madd(body, pair(a2, a3), get(square), pair(a0, a1))),
      i32x4.shl(get(n), [0x41, 23]),
    ),
  ]
}

/** 1 + e^(−scale · x), of which sigmoid and silu are quotients. */
const denominator = (body: Body, x: Code, scale = 1): Code => add(k(1), exp2(body, mul(x, k(-Math.LOG2E * scale))))

/** σ(x) = 1 / (1 + e⁻ˣ). */
export const sigmoid = (body: Body, x: Code): Code => div(k(1), denominator(body, x))

/** x · σ(scale · x). */
export const swish = (body: Body, x: Code, scale = 1): Code => {
  const own = body.local('v128')
  return [set(own, x), div(get(own), denominator(body, get(own), scale))]
}

const oddRational = (body: Body, x: Code, limit: number, top: readonly number[], bottom: readonly number[]): Code => {
  const [own, square] = [body.local('v128'), body.local('v128')]
  return [
    set(own, f32x4.pmax(f32x4.pmin(x, k(limit)), k(-limit))),
    set(square, mul(get(own), get(own))),
    div(mul(get(own), polynomial(body, get(square), top)), polynomial(body, get(square), bottom)),
  ]
}

/** tanh x. */
export const tanh = (body: Body, x: Code): Code => {
  const y = body.local('v128')
  return [set(y, oddRational(body, x, 9, tanhTop, tanhBottom)), f32x4.pmax(f32x4.pmin(get(y), k(1)), k(-1))]
}

/** 2/√π ∫₀ˣ e^(−s²) ds. */
export const erf = (body: Body, x: Code): Code => {
  const y = body.local('v128')
  return [set(y, oddRational(body, x, 4, erfTop, erfBottom)), f32x4.pmax(f32x4.pmin(get(y), k(1)), k(-1))]
}

/** ln x = e ln 2 + ln m with √½ ≤ m < √2. Cephes, logf. */
export const log = (body: Body, x: Code): Code => {
  const [own, m, e, z] = [body.local('v128'), body.local('v128'), body.local('v128'), body.local('v128')]
  const tiny = f32x4.lt(get(own), k(2 ** -126))
  const small = body.local('v128')
  const prepared: Code = [
    set(own, x),
    set(small, tiny),
    set(m, v128.select(mul(get(own), k(2 ** 24)), get(own), get(small))),
    set(e, i32x4.sub(i32x4.shrS(get(m), [0x41, 23]), i32x4.const(127))),
    set(e, sub(f32x4.fromS(get(e)), v128.and(get(small), k(24)))),
    set(m, v128.or(v128.and(get(m), i32x4.const(0x7fffff)), k(1))),
    // m ≥ √2: half of it, and one more power.
    set(small, f32x4.ge(get(m), k(Math.SQRT2))),
    set(m, v128.select(mul(get(m), k(0.5)), get(m), get(small))),
    set(e, add(get(e), v128.and(get(small), k(1)))),
    set(m, sub(get(m), k(1))),
    set(z, mul(get(m), get(m))),
  ]
  const tail = mul(mul(get(m), get(z)), polynomial(body, get(m), logTerms))
  const low = add(sub(tail, mul(k(0.5), get(z))), mul(get(e), k(-2.1219444e-4)))
  const value = add(add(get(m), low), mul(get(e), k(0.693359375)))
  const positive = v128.select(k(Infinity), value, f32x4.eq(get(own), k(Infinity)))
  const atZero = v128.select(k(-Infinity), positive, f32x4.eq(get(own), k(0)))
  return [prepared, v128.select(atZero, k(NaN), f32x4.ge(get(own), k(0)))]
}

/** ln (1 + x): ln u · x / (u − 1) for u = 1 + x rounded. Kahan, HP-15C handbook. */
export const log1p = (body: Body, x: Code): Code => {
  const [own, u] = [body.local('v128'), body.local('v128')]
  const logarithm = body.local('v128')
  const near = f32x4.eq(get(u), k(1))
  const corrected = div(mul(get(logarithm), get(own)), sub(get(u), k(1)))
  const large = v128.select(get(logarithm), corrected, f32x4.gt(get(u), k(1e30)))
  return [
    set(own, x),
    set(u, add(get(own), k(1))),
    set(logarithm, log(body, get(u))),
    v128.select(get(own), large, near),
  ]
}

/** eˣ − 1: (u − 1) · x / ln u for u = eˣ rounded. Kahan, HP-15C handbook. */
export const expm1 = (body: Body, x: Code): Code => {
  const [own, u] = [body.local('v128'), body.local('v128')]
  const lessOne = sub(get(u), k(1))
  const corrected = div(mul(lessOne, get(own)), log(body, get(u)))
  const near = f32x4.eq(get(u), k(1))
  const far = f32x4.gt(f32x4.abs(get(own)), k(10))
  return [set(own, x), set(u, exp(body, get(own))), v128.select(get(own), v128.select(lessOne, corrected, far), near)]
}

/** ln (1 + eˣ) = max(x, 0) + ln (1 + e^−|x|). */
export const softplus = (body: Body, x: Code): Code => {
  const own = body.local('v128')
  return [set(own, x), add(f32x4.pmax(get(own), k(0)), log1p(body, exp(body, f32x4.neg(f32x4.abs(get(own))))))]
}
