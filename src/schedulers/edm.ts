/** What EDM samplers share: their grid in σ, and the preconditioning of their networks. Karras et al. 2022, table 1. */
import * as t from 'io-ts'
import { defaulted, integer, oneOf } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { linspace } from './betas.ts'
import { stepCount } from './spacing.ts'

/** What an EDM network predicts: its raw output F, or −F. */
export type EdmPrediction = 'epsilon' | 'v_prediction'

/** Config fields of the grid and of the preconditioning. */
export const edmFields = {
  sigma_min: defaulted(t.number, 0.002),
  sigma_max: defaulted(t.number, 80),
  sigma_data: defaulted(t.number, 0.5),
  sigma_schedule: defaulted(oneOf('karras', 'exponential'), 'karras'),
  num_train_timesteps: defaulted(integer(1), 1000),
  prediction_type: defaulted(oneOf('epsilon', 'v_prediction'), 'epsilon'),
  rho: defaulted(t.number, 7),
  final_sigmas_type: defaulted(oneOf('zero', 'sigma_min'), 'zero'),
}

/** What determines the grid and the preconditioning. */
export type EdmOptions = {
  readonly sigma_min: number
  readonly sigma_max: number
  readonly sigma_data: number
  readonly sigma_schedule: 'karras' | 'exponential'
  readonly rho: number
  readonly final_sigmas_type: 'zero' | 'sigma_min'
}

/** Refuses fields that are not positive numbers. Throws `ConfigError`. */
export const demandPositive = <K extends string>(
  fields: { readonly [P in K]: number },
  ...names: readonly K[]
): void => {
  for (const name of names)
    if (!(fields[name] > 0 && fields[name] < Infinity))
      throw new ConfigError(name, fields[name], ['a positive number'], 'is no positive number')
}

/** Refuses levels or a deviation of the data that are not positive, or levels the wrong way round. Throws `ConfigError`. */
const demandLevels = (o: EdmOptions): void => {
  demandPositive(o, 'sigma_min', 'sigma_max', 'sigma_data', 'rho')
  if (o.sigma_min > o.sigma_max)
    throw new ConfigError(
      'sigma_min',
      o.sigma_min,
      [`at most sigma_max, ${o.sigma_max}`],
      'is above the greatest level',
    )
}

/** n positions from 0, the greatest level, to 1, the least. A single one is the least on the exponential grid, as diffusers has it. */
const evenRamp = (steps: number, { sigma_schedule }: EdmOptions): readonly number[] =>
  steps === 1 && sigma_schedule === 'exponential' ? [1] : linspace(0, 1, stepCount(steps, Infinity))

/** Positions as given by hand. Throws `ConfigError`. */
const givenRamp = (ramp: readonly number[]): readonly number[] => {
  const fits = ramp.length > 0 && ramp.every((r, i) => r >= 0 && r <= 1 && (i === 0 || r >= ramp[i - 1]!))
  if (!fits) throw new ConfigError('ramp', ramp, ['ascending numbers in [0, 1]'], 'is no grid')
  return ramp
}

/** n levels from σ_max to σ_min, evenly spaced in σ^(1/ρ) (eq. 5) or in ln σ, or at the positions of a ramp. Throws `ConfigError`. */
export const edmLevels = (steps: number, o: EdmOptions, ramp?: readonly number[]): readonly number[] => {
  demandLevels(o)
  const karras = o.sigma_schedule === 'karras'
  const [bent, straight] = karras ? [(s: number) => s ** (1 / o.rho), (s: number) => s ** o.rho] : [Math.log, Math.exp]
  return (ramp === undefined ? evenRamp(steps, o) : givenRamp(ramp)).map((r) =>
    straight((1 - r) * bent(o.sigma_max) + r * bent(o.sigma_min)),
  )
}

/** c_in = 1/√(σ² + σ_data²): the network sees samples of variance 1. */
export const edmScale = (sigma: number, data: number): number => 1 / Math.hypot(sigma, data)

/** c_skip and c_out: the weights of the sample and of the network's answer in x₀. */
export const edmWeights = (
  kind: EdmPrediction,
  sigma: number,
  data: number,
): { readonly kept: number; readonly told: number } => {
  const out = (sigma / Math.hypot(sigma, data)) * data
  return { kept: (data / Math.hypot(sigma, data)) ** 2, told: kind === 'epsilon' ? out : -out }
}

/** c_noise = ln(σ)/4, what the network is told of σ. */
export const edmTime = (sigma: number): number => Math.log(sigma) / 4

/** Standard deviation of the starting noise, √(σ_max² + 1), whatever the grid starts at. */
export const edmDeviation = ({ sigma_max }: EdmOptions): number => Math.hypot(sigma_max, 1)
