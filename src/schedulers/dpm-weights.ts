/**
 * Steps of DPM-Solver and DPM-Solver++: Taylor expansions of the exponential integral in λ. Lu et al. 2022a and 2022b.
 */
import { phi } from './exponential-adams.ts'
import type { Level } from './lambda-grid.ts'

/** What is integrated, ε (without ++) or x₀ (++), along the ODE or along the SDE. */
export type Algorithm = 'dpmsolver' | 'dpmsolver++' | 'sde-dpmsolver' | 'sde-dpmsolver++'

/** How the slope is weighed: half of the value's weight, or the exponential integral of a line. */
export type Solver = 'midpoint' | 'heun'

/** Weights of one step: of the sample that it starts from, of the answers (the latest first), of fresh noise. */
export type DpmStep = { readonly carry: number; readonly answers: readonly number[]; readonly fresh: number }

/** λₜ − λₛ. Levels that differ by rounding alone are the same. */
const between = (s: Level, t: Level): number => {
  const h = t.lambda - s.lambda
  return Math.abs(h) < 1e-9 ? 0 : h
}

/** a/b, where levels that coincide (b = 0) say nothing of a slope: its weight is 0. */
const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b)

/**
 * Weights of x, of f (ε or x₀) at s, of its slope h f' as steps of order 2 and of order 3 take it, of D₂, and of fresh
 * noise n, for the step from s to t, h = λₜ − λₛ. With k = h for the ODE and 2 h for the SDE, φ₂(k) = (eᵏ − 1 − k)/k²,
 * φ₃ = (φ₂ − 1/2)/k:
 *
 *     x₀, ODE   σₜ/σₛ x + αₜ [(1 − e⁻ᵏ) f + k φ₂(−k) h f' + k φ₃(−k) D₂]
 *     x₀, SDE   σₜ/σₛ e⁻ʰ x + αₜ [(1 − e⁻ᵏ) f + k φ₂(−k) h f' − (φ₂(−k) + 1/2) D₂] + σₜ √(1 − e⁻²ʰ) n
 *     ε, ODE    αₜ/αₛ x − σₜ [(eʰ − 1) f + h φ₂(h) h f' + h φ₃(h) D₂]
 *     ε, SDE    αₜ/αₛ x − 2 σₜ [(eʰ − 1) f + h φ₂(h) h f'] + σₜ √(e²ʰ − 1) n
 *
 * The SDE's D₂ is weighed as diffusers does, whose last sign is not that of the expansion. A step back to more noise is
 * the ODE's: the SDE has no noise to take away. All of it is finite where t is the clean sample, h = ∞, but the slopes,
 * which are not used there.
 */
const expansion = (algorithm: Algorithm, solver: Solver, s: Level, t: Level) => {
  const h = between(s, t)
  const stochastic = algorithm.startsWith('sde') && h > 0
  const freshShare = stochastic ? Math.sqrt(-Math.expm1(-2 * h)) : 0
  if (algorithm.endsWith('++')) {
    const k = stochastic ? 2 * h : h
    const value = -t.alpha * Math.expm1(-k)
    const line = t.alpha * k * phi(2, -k)
    return {
      h,
      carry: t.deviation === 0 ? 0 : (t.deviation / s.deviation) * (stochastic ? Math.exp(-h) : 1),
      value,
      slope: solver === 'midpoint' ? value / 2 : line,
      line,
      curve: t.alpha * (stochastic ? -phi(2, -k) - 0.5 : k * phi(3, -k)),
      fresh: t.deviation * freshShare,
    }
  }
  const twice = stochastic ? 2 : 1
  // σₜ eʰ, which is finite where h is not.
  const grown = (t.alpha * s.deviation) / s.alpha
  const value = -twice * (h < 1 ? t.deviation * Math.expm1(h) : grown - t.deviation)
  const line = -twice * t.deviation * h * phi(2, h)
  return {
    h,
    carry: t.alpha / s.alpha,
    value,
    slope: solver === 'midpoint' ? value / 2 : line,
    line,
    curve: -t.deviation * h * phi(3, h),
    fresh: grown * freshShare,
  }
}

/**
 * One multistep step to t from the levels `past`, the latest first, as many as its order. Order 2 (2M): h f' = (f₀ −
 * f₁)/r₀ with r₀ = (λ₀ − λ₁)/h. Order 3 (3M): h f' = D + r₀/(r₀ + r₁) (D − D'), D₂ = (D − D')/(r₀ + r₁), with D and D'
 * the slopes between neighbours. Repeated levels lower the order, and so does the clean sample, to which no polynomial
 * extends.
 */
export const multistepStep = (algorithm: Algorithm, solver: Solver, past: readonly Level[], t: Level): DpmStep => {
  const [s0, s1, s2] = past as [Level, ...Level[]]
  const { h, carry, value, slope, line, curve, fresh } = expansion(algorithm, solver, s0, t)
  const h0 = s1 === undefined || !Number.isFinite(h) ? 0 : between(s1, s0)
  const h1 = s2 === undefined || h0 === 0 ? 0 : between(s2, s1!)
  const near = ratio(h, h0)
  if (h1 === 0) return { carry, answers: [value + (h0 === 0 ? 0 : slope * near), h0 === 0 ? 0 : -slope * near], fresh }
  const far = h / h1
  const bend = (line * h0 + curve * h) / (h0 + h1)
  return { carry, answers: [value + (line + bend) * near, -(line + bend) * near - bend * far, bend * far], fresh }
}

/**
 * The last step to t of a block that started at the last of the levels `past` (the latest first), where its sample is.
 * Order 2 (2S): h f' = (f₀ − f₁)/r₀. Order 3 (3S), midpoint: h f' = (f₀ − f₂)/r₀; heun: the parabola through the three.
 * r₀, r₁ are the places of the answers in the step. Repeated levels lower the order.
 */
export const singlestepStep = (algorithm: Algorithm, solver: Solver, past: readonly Level[], t: Level): DpmStep => {
  const base = past.at(-1)!
  const { h, carry, value, slope, line, curve, fresh } = expansion(algorithm, solver, base, t)
  const r0 = ratio(h, between(base, past[0]!))
  if (past.length === 1) return { carry, answers: [value], fresh }
  if (past.length === 2) return { carry, answers: [slope * r0, value - slope * r0], fresh }
  const r1 = ratio(h, between(base, past[1]!))
  // Inverse places: 1/r₀ and 1/r₁ are r0 and r1 here.
  if (solver === 'midpoint' || r1 === 0 || r0 === r1)
    return { carry, answers: [line * r0, 0, value - line * r0], fresh }
  const apart = 1 / r0 - 1 / r1
  const nearest = (-line / r1 + 2 * curve) / apart
  const middle = (line / r0 - 2 * curve) / apart
  return { carry, answers: [nearest * r0, middle * r1, value - nearest * r0 - middle * r1], fresh }
}
