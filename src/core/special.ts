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
