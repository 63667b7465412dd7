/** Denoising diffusion probabilistic models. Ho, Jain & Abbeel 2020. */
import * as t from 'io-ts'
import { defaulted, oneOf } from '../core/config.ts'
import { ShapeError } from '../errors.ts'
import { sparing, type Noise } from '../tensor/noise.ts'
import type { Scalar, Tensor } from '../tensor/tensor.ts'
import { betaFields, fieldsOf, predictionField, rangeFields, spacingFields, type SchedulerConfig } from './config.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { givenTimesteps, spacedTimesteps } from './spacing.ts'
import { cleanFrom, demandSignal, forwardProcess, inRange } from './variance-preserving.ts'

/** The fields of a DDPMScheduler's config, with diffusers' defaults. */
export const ddpmFields = t.type({
  ...betaFields('linear', 'scaled_linear', 'squaredcos_cap_v2', 'laplace', 'sigmoid'),
  ...predictionField,
  ...spacingFields,
  ...rangeFields,
  variance_type: defaulted(
    oneOf('fixed_small', 'fixed_small_log', 'fixed_large', 'fixed_large_log', 'learned', 'learned_range'),
    'fixed_small',
  ),
  rescale_betas_zero_snr: defaulted(t.boolean, false),
})

/** A sample, and the noise still to be drawn. */
export type NoisySample = { readonly x: Tensor; readonly noise: Noise }

/**
 * √ᾱ and √(1 − ᾱ) before the step; the weights of x₀ and x in the posterior mean (eq. 7); the deviation of its noise; and the logarithms
 * of the least and greatest variance, for models that learn it.
 */
export type DdpmCoefficient =
  'alpha' | 'sigma' | 'toClean' | 'toSample' | 'deviation' | 'stochastic' | 'logLeast' | 'logMost'

/** Timesteps by hand, whole and descending; and how many steps to leave out at the start, as image-to-image does. */
export type GridOptions = { readonly timesteps?: readonly number[]; readonly begin?: number }

/**
 * Ancestral sampling, eq. 7: x' = (√ᾱ' β / (1 − ᾱ)) x₀ + (√α (1 − ᾱ') / (1 − ᾱ)) x + σ z, with α = ᾱ/ᾱ', β = 1 − α taken between
 * neighbours on the grid, x₀ kept in range as the config says, and σ² as `variance_type` says: β̃ (small), β (large), or learned
 * (Nichol & Dhariwal 2021, eq. 15). State: the sample. One draw a step, none at t = 0. Throws `ConfigError`.
 */
export const ddpmScheduler = (
  config: SchedulerConfig,
  steps: number,
  options: GridOptions = {},
): Scheduler<NoisySample, DdpmCoefficient> => {
  const fields = fieldsOf(ddpmFields, config)
  const { prediction_type: kind, variance_type } = fields
  const { alphasCumprod: bars } = forwardProcess(fields)
  const grid =
    options.timesteps === undefined ? spacedTimesteps(steps, fields) : givenTimesteps(options.timesteps, bars.length)
  demandSignal(
    kind,
    grid.map((at) => bars[at]!),
  )
  const keep = inRange(fields)
  const learned = variance_type === 'learned' || variance_type === 'learned_range'

  const coefficients = (at: number, i: number): Step<DdpmCoefficient, number> => {
    const bar = bars[at]!
    const next = i + 1 < grid.length ? bars[grid[i + 1]!]! : 1
    const alpha = bar / next
    const beta = 1 - alpha
    const small = Math.max(((1 - next) / (1 - bar)) * beta, 1e-20)
    const stochastic = at > 0 ? 1 : 0
    return {
      t: at,
      alpha: Math.sqrt(bar),
      sigma: Math.sqrt(1 - bar),
      toClean: (Math.sqrt(next) * beta) / (1 - bar),
      toSample: (Math.sqrt(alpha) * (1 - next)) / (1 - bar),
      deviation: stochastic * Math.sqrt(variance_type.startsWith('fixed_large') ? beta : small),
      stochastic,
      logLeast: Math.log(small),
      logMost: Math.log(Math.max(beta, 1e-20)),
    }
  }

  /** The model's answer, and what it says of the variance in its second half of channels. */
  const split = (x: Tensor, answer: Tensor): readonly [Tensor, Tensor] => {
    if (!learned) return [answer, answer]
    const channels = x.shape[1]!
    if (answer.shape[1] !== 2 * channels)
      throw new ShapeError(
        'ddpm',
        [x.shape, answer.shape],
        `: a model with variance_type ${variance_type} gives twice the channels`,
      )
    return [answer.slice(1, 0, channels), answer.slice(1, channels)]
  }

  const deviation = (said: Tensor, c: Step<DdpmCoefficient, Scalar>): Scalar => {
    if (variance_type === 'learned') return said.max(0).sqrt().mul(c.stochastic)
    if (variance_type !== 'learned_range') return c.deviation
    const fraction = said.add(1).div(2)
    const log = fraction.mul(c.logMost).add(fraction.sub(1).neg().mul(c.logLeast))
    return log.mul(0.5).exp().mul(c.stochastic)
  }

  const denoised = ({ x }: NoisySample, answer: Tensor, c: Step<DdpmCoefficient, Scalar>): Tensor =>
    keep(cleanFrom(kind, x, split(x, answer)[0], c))

  const timesteps = grid.map(coefficients).slice(options.begin ?? 0)
  const drawn = timesteps.map((c) => c.t > 0)
  const start = (x: Tensor, noise: Noise): NoisySample => ({ x, noise: sparing(noise, drawn) })

  return {
    timesteps,
    initNoiseSigma: 1,
    init: (noise) => start(noise.head, noise.next),
    start,
    input: ({ x }) => x,
    denoised,
    step: (state, answer, c) => {
      const mean = denoised(state, answer, c).mul(c.toClean).add(state.x.mul(c.toSample))
      const z = state.noise.head.mul(deviation(split(state.x, answer)[1], c))
      return { x: mean.add(z), noise: state.noise.next }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { alpha, sigma }) => x.mul(alpha).add(noise.mul(sigma)),
  }
}
