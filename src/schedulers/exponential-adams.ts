/** Exponential Adams methods in λ = ln(α/σ): weights that integrate the polynomial through a few answers exactly. */
import type { Level } from './lambda-grid.ts'
import type { Form } from './lambda-space.ts'

const factorials = [1, 1, 2, 6, 24, 120, 720]

/** φₖ(z) = ∫₀¹ e^(z (1 − θ)) θ^(k − 1)/(k − 1)! dθ for k from 1: φ₁ = (e^z − 1)/z, φₖ₊₁ = (φₖ − 1/k!)/z. Hochbruck & Ostermann 2010. */
export const phi = (k: number, z: number): number => {
  if (Math.abs(z) < 1) {
    // The recursion subtracts near equals here; the series does not.
    let term = 1 / factorials[k]!
    let sum = term
    for (let n = 1; Math.abs(term) > 1e-18 * sum; n++) {
      term *= z / (n + k)
      sum += term
    }
    return sum
  }
  let value = Math.expm1(z) / z
  for (let j = 1; j < k; j++) value = (value - 1 / factorials[j]!) / z
  return value
}

/** B(h) of UniPC, which stands for the integral of the exponential where two answers give a slope: h itself, or h φ₁(z). */
export type Slope = 'bh1' | 'bh2'

/** The coefficients of Π (u − uₖ), lowest first. */
const polynomial = (roots: readonly number[]): readonly number[] =>
  roots.reduce<number[]>((c, root) => [...c, 0].map((_, i) => (i === 0 ? 0 : c[i - 1]!) - root * (c[i] ?? 0)), [1])

/**
 * Over a step of length h, the weights wⱼ of answers at the distances `nodes` from its start: Σ wⱼ fⱼ = ∫₀ʰ e^(z (1 − u/h)) p(u) du with p
 * the polynomial through (uⱼ, fⱼ). A node that repeats one before it weighs 0, and so does everything where h = 0. With `slope`, of two
 * nodes, ∫ e^… u du is taken to be B(h) h/2. Zhao et al. 2023, section 3: the system R ρ = b of UniPC has these weights as its solution.
 */
export const adamsWeights = (nodes: readonly number[], h: number, z: number, slope?: Slope): readonly number[] => {
  const distinct = nodes.map((u, j) => nodes.slice(0, j).every((v) => Math.abs(u - v) > 1e-9))
  const used = nodes.filter((_, j) => distinct[j])
  const moments = used.map((_, k) =>
    slope !== undefined && used.length === 2 && k === 1
      ? (h * h * (slope === 'bh1' ? 1 : phi(1, z))) / 2
      : h ** (k + 1) * factorials[k]! * phi(k + 1, z),
  )
  return nodes.map((u, j) => {
    if (!distinct[j]) return 0
    const others = used.filter((v) => v !== u)
    const scale = others.reduce((product, v) => product * (u - v), 1)
    return polynomial(others).reduce((sum, c, k) => sum + c * moments[k]!, 0) / scale
  })
}

/** How a step is taken: τ of the SDE (0 is the ODE), and B(h). */
export type ExponentialOptions = { readonly tau?: number; readonly slope?: Slope | undefined }

/** Weights of one step: of the sample, of the answers, of fresh noise. */
export type ExponentialStep = {
  readonly carry: number
  readonly weights: readonly number[]
  readonly fresh: number
}

/**
 * From level s to level t with h = λₜ − λₛ, through answers at the levels `at`, among which is s. Of x₀: x' = e^(−τ² h) σₜ/σₛ x +
 * (1 + τ²) αₜ ∫₀ʰ e^((1 + τ²)(u − h)) x₀ du + σₜ √(1 − e^(−2 τ² h)) z. Of ε: x' = αₜ/αₛ x − (1 + τ²) σₜ ∫₀ʰ e^(h − u) ε du +
 * τ σₜ √(e^(2 h) − 1) z. Xue et al. 2023, sections 4 and 5. A step to the clean sample, h = ∞, takes the answer at s alone: no polynomial
 * goes that far.
 */
export const exponentialStep = (
  form: Form,
  s: Level,
  t: Level,
  at: readonly Level[],
  { tau = 0, slope }: ExponentialOptions = {},
): ExponentialStep => {
  const h = t.lambda - s.lambda
  const a = 1 + tau * tau
  // σₜ eʰ, which is finite where h is not; and as exact as `carry` where αₛ is next to nothing and the two nearly cancel.
  const grown = (t.alpha * s.deviation) / s.alpha
  const weigh = (scale: number, limit: number, z: number): readonly number[] =>
    h === Infinity
      ? at.map((level) => (level === s ? limit : 0))
      : adamsWeights(
          at.map((level) => level.lambda - s.lambda),
          h,
          z,
          slope,
        ).map((w) => scale * w)
  if (form === 'noise')
    return {
      carry: t.alpha / s.alpha,
      weights: weigh(-a * grown * Math.exp(-h), -a * grown, h),
      fresh: tau * grown * Math.sqrt(Math.max(-Math.expm1(-2 * h), 0)),
    }
  return {
    carry: t.deviation === 0 ? 0 : Math.exp(-tau * tau * h) * (t.deviation / s.deviation),
    weights: weigh(a * t.alpha, t.alpha, -a * h),
    fresh: t.deviation === 0 ? 0 : t.deviation * Math.sqrt(Math.max(-Math.expm1(-2 * tau * tau * h), 0)),
  }
}
