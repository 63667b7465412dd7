/** How much noise each training step adds, and what is left of the sample after it. */
import { ConfigError } from '../errors.ts'

/** The shapes of β over training that the field uses. */
export const betaSchedules = ['linear', 'scaled_linear', 'squaredcos_cap_v2', 'laplace', 'sigmoid', 'exp'] as const
/** The name of a beta schedule. */
export type BetaSchedule = (typeof betaSchedules)[number]

/** What determines the betas of a config. */
export type BetaOptions = {
  readonly num_train_timesteps: number
  readonly beta_start: number
  readonly beta_end: number
  readonly beta_schedule: BetaSchedule
  readonly trained_betas: readonly number[] | null
  readonly rescale_betas_zero_snr?: boolean
}

/** n numbers from `start` to `end`, both included; one is `start`. */
export const linspace = (start: number, end: number, n: number): number[] =>
  Array.from({ length: n }, (_, i) => (n === 1 ? start : start + ((end - start) * i) / (n - 1)))

/** βᵢ = min(1 − ᾱ((i + 1)/n) / ᾱ(i/n), 0.999). Nichol & Dhariwal 2021, section 3.2. */
const fromAlphaBar = (n: number, alphaBar: (t: number) => number): number[] =>
  Array.from({ length: n }, (_, i) => Math.min(1 - alphaBar((i + 1) / n) / alphaBar(i / n), 0.999))

const cosine = (t: number): number => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2
const exponential = (t: number): number => Math.exp(-12 * t)
const laplace = (t: number): number => {
  const sign = 0.5 - t < 0 || Object.is(0.5 - t, -0) ? -1 : 1
  const snr = Math.exp(-0.5 * sign * Math.log(1 - 2 * Math.abs(0.5 - t) + 1e-6))
  return Math.sqrt(snr / (1 + snr))
}

const shaped = ({ beta_schedule, beta_start, beta_end, num_train_timesteps: n }: BetaOptions): number[] => {
  switch (beta_schedule) {
    case 'linear':
      return linspace(beta_start, beta_end, n)
    case 'scaled_linear':
      return linspace(Math.sqrt(beta_start), Math.sqrt(beta_end), n).map((b) => b * b)
    case 'squaredcos_cap_v2':
      return fromAlphaBar(n, cosine)
    case 'laplace':
      return fromAlphaBar(n, laplace)
    case 'exp':
      return fromAlphaBar(n, exponential)
    case 'sigmoid':
      return linspace(-6, 6, n).map((x) => (beta_end - beta_start) / (1 + Math.exp(-x)) + beta_start)
  }
}

/** ᾱₜ = Π (1 − βₛ), s ≤ t. Ho et al. 2020, eq. 4. */
export const cumulated = (betas: readonly number[]): number[] => {
  let product = 1
  return betas.map((b) => (product *= Math.fround(1 - b)))
}

/** Betas whose ᾱ ends at exactly 0: √ᾱ is shifted and scaled, keeping its first value. Lin et al. 2023, algorithm 1. */
export const rescaleZeroTerminalSnr = (betas: readonly number[]): number[] => {
  const roots = cumulated(betas).map(Math.sqrt)
  const [first, last] = [roots[0]!, roots.at(-1)!]
  const bars = roots.map((r) => (((r - last) * first) / (first - last)) ** 2)
  return bars.map((bar, i) => 1 - (i === 0 ? bar : bar / bars[i - 1]!))
}

/**
 * The betas of a config, one for each training step. They are rounded to float32, in which the networks were trained with them; all
 * that follows from them is float64. Throws `ConfigError` where they are not in (0, 1].
 */
export const betasOf = (o: BetaOptions): readonly number[] => {
  const { trained_betas: trained, num_train_timesteps: n } = o
  if (trained !== null && trained !== undefined && trained.length !== n)
    throw new ConfigError(
      'trained_betas',
      `${trained.length} of them`,
      [`${n}, as num_train_timesteps says`],
      'are too many or too few',
    )
  const raw = trained ?? shaped(o)
  const betas = raw.map(Math.fround)
  const bad = betas.findIndex((b) => !(Math.fround(1 - b) < 1 && b <= 1))
  if (betas.length === 0 || bad !== -1) {
    const field = o.trained_betas === null ? 'beta_start, beta_end' : `trained_betas.${bad}`
    throw new ConfigError(
      field,
      o.trained_betas === null ? [o.beta_start, o.beta_end] : raw[bad],
      ['numbers in (0, 1], large enough that 1 − β is not 1 in float32'],
      'gives no betas',
    )
  }
  return o.rescale_betas_zero_snr === true ? rescaleZeroTerminalSnr(betas).map(Math.fround) : betas
}
