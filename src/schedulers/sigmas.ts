/** Grids of noise levels. σ = √((1 − ᾱ)/ᾱ) is the noise of a sample scaled so that its signal is 1. Karras et al. 2022. */
import { betaQuantile } from '../core/special.ts'
import { ConfigError } from '../errors.ts'
import { linspace } from './betas.ts'

/** σ of every training step, ascending: √((1 − ᾱₜ)/ᾱₜ). An ᾱ of 0 counts as 2⁻²⁴, the least half, so that σ is finite. */
export const trainSigmas = (bars: readonly number[]): readonly number[] =>
  bars.map((bar) => Math.sqrt((1 - (bar || 2 ** -24)) / (bar || 2 ** -24)))

/** The value at a position between entries, linearly; positions outside are clamped. */
export const interpolate = (values: readonly number[], at: number): number => {
  const low = Math.min(Math.max(Math.floor(at), 0), values.length - 1)
  const high = Math.min(low + 1, values.length - 1)
  const weight = Math.min(Math.max(at - low, 0), 1)
  return values[low]! + weight * (values[high]! - values[low]!)
}

/** The training time of a noise level: the inverse of `trainSigmas`, linear in ln σ. */
export const timeOf = (sigma: number, train: readonly number[]): number => {
  const wanted = Math.log(Math.max(sigma, 1e-10))
  let low = 0
  while (low < train.length - 2 && Math.log(train[low + 1]!) <= wanted) low++
  const [a, b] = [Math.log(train[low]!), Math.log(train[low + 1]!)]
  const weight = Math.min(Math.max((wanted - a) / (b - a), 0), 1)
  return low + weight
}

/** σᵢ^(1/ρ) evenly spaced from σ_max to σ_min. Karras et al. 2022, eq. 5. */
export const karrasSigmas = (max: number, min: number, n: number, rho = 7): number[] =>
  linspace(0, 1, n).map((r) => (max ** (1 / rho) + r * (min ** (1 / rho) - max ** (1 / rho))) ** rho)

/** ln σᵢ evenly spaced from ln σ_max to ln σ_min. */
export const exponentialSigmas = (max: number, min: number, n: number): number[] =>
  linspace(Math.log(max), Math.log(min), n).map(Math.exp)

/** σᵢ at the quantiles of a Beta(α, β) distribution between σ_min and σ_max. Lee et al. 2024, "Beta Sampling is All You Need". */
export const betaSigmas = (max: number, min: number, n: number, alpha = 0.6, beta = 0.6): number[] =>
  linspace(0, 1, n).map((r) => min + betaQuantile(1 - r, alpha, beta) * (max - min))

/** Which of the named grids a config asks for. */
export type GridFlags = {
  readonly use_karras_sigmas?: boolean
  readonly use_exponential_sigmas?: boolean
  readonly use_beta_sigmas?: boolean
  readonly use_lu_lambdas?: boolean
  readonly use_flow_sigmas?: boolean
}

/** The one grid that a config asks for, or undefined for the trained one. Throws `ConfigError` where it asks for two. */
export const gridOf = (flags: GridFlags): keyof GridFlags | undefined => {
  const asked = (Object.keys(flags) as (keyof GridFlags)[]).filter((k) => k.startsWith('use_') && flags[k] === true)
  if (asked.length > 1) throw new ConfigError(asked.join(', '), true, ['one of them'], 'contradict each other')
  return asked[0]
}
