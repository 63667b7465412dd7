/** Functions that `Math` lacks, in float64. */

const twoOverRootPi = 2 / Math.sqrt(Math.PI)

/** erf x = 2/√π ∫₀ˣ e^(−s²) ds, to about 1e−15. Abramowitz & Stegun 7.1.6 (series) and 7.1.14 (continued fraction). */
export const erf = (x: number): number => {
  if (Number.isNaN(x)) return NaN
  const a = Math.abs(x)
  if (a > 6) return Math.sign(x)
  if (a < 2.5) {
    let term = x
    let sum = x
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1)
      sum += term
    }
    return twoOverRootPi * Math.exp(-x * x) * sum
  }
  let fraction = 0
  for (let k = 60; k > 0; k--) fraction = k / 2 / (a + fraction)
  const erfc = (Math.exp(-a * a) / Math.sqrt(Math.PI)) * (1 / (a + fraction))
  return Math.sign(x) * (1 - erfc)
}

/** To the nearest integer, halves to the even one, as IEEE 754 and torch round. Keeps −0. */
export const roundEven = (x: number): number => {
  const floor = Math.floor(x)
  const rest = x - floor
  if (Number.isNaN(rest)) return x
  const nearest = rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1
  return nearest === 0 && (x < 0 || Object.is(x, -0)) ? -0 : nearest
}

/** log(1 + eˣ), without overflow. */
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

/** σ(x) = 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

const lanczos = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

/** ln Γ(x) for x > 0. Lanczos 1964, g = 7. */
export const logGamma = (x: number): number => {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const series = lanczos.reduce((sum, c, i) => sum + c / (x + i), 0.99999999999980993)
  const t = x + 6.5
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(series)
}

/** The regularised incomplete beta function Iₓ(a, b): the distribution function of Beta(a, b). Its continued fraction, DLMF 8.17.22. */
export const incompleteBeta = (x: number, a: number, b: number): number => {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast below the mean; above it, use the other tail.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a
  let fraction = 0
  for (let m = 200; m > 0; m--) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    fraction = even / (1 + odd / (1 + fraction))
  }
  return front / (1 + (-(a + b) * x) / (a + 1) / (1 + fraction))
}

/** The p-quantile of Beta(a, b): where Iₓ(a, b) = p, by bisection to the last bit. */
export const betaQuantile = (p: number, a: number, b: number): number => {
  if (p <= 0) return 0
  if (p >= 1) return 1
  let [low, high] = [0, 1]
  for (;;) {
    const middle = (low + high) / 2
    if (middle <= low || middle >= high) return middle
    if (incompleteBeta(middle, a, b) < p) low = middle
    else high = middle
  }
}
