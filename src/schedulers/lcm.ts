/** Latent consistency models, in several steps. Song et al. 2023, algorithm 1; Luo et al. 2023, algorithm 3. */
import * as t from 'io-ts'
import { defaulted, integer } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { sparing, type Noise } from '../tensor/noise.ts'
import type { Scalar, Tensor } from '../tensor/tensor.ts'
import { betaFields, fieldsOf, predictionField, rangeFields, spacingFields, type SchedulerConfig } from './config.ts'
import type { GridOptions, NoisySample } from './ddpm.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { givenTimesteps, stepCount } from './spacing.ts'
import { cleanFrom, demandSignal, forwardProcess, inRange } from './variance-preserving.ts'

/**
 * Config fields of models distilled from latent diffusion. `timestep_spacing` and `steps_offset` are read and, as in
 * diffusers, not used.
 */
export const distilledFields = {
  ...betaFields('scaled_linear', 'linear', 'squaredcos_cap_v2'),
  beta_start: defaulted(t.number, 0.00085),
  beta_end: defaulted(t.number, 0.012),
  original_inference_steps: defaulted(integer(1), 50),
  ...predictionField,
  ...spacingFields,
  ...rangeFields,
  clip_sample: defaulted(t.boolean, false),
  set_alpha_to_one: defaulted(t.boolean, true),
  timestep_scaling: defaulted(t.number, 10),
  rescale_betas_zero_snr: defaulted(t.boolean, false),
}

/** The fields of an LCMScheduler's config, with diffusers' defaults. */
export const lcmFields = t.type(distilledFields)

/**
 * √ᾱ, √(1 − ᾱ); the weights of x and x₀ in the consistency function (`skip`, `out`); the weights of its value and of
 * fresh noise after it.
 */
export type LcmCoefficient = 'alpha' | 'sigma' | 'skip' | 'out' | 'toClean' | 'deviation'

/**
 * The steps of the grid that was distilled, in place of the config's; the share of that grid that is run, from its
 * clean end.
 */
export type DistilledOptions = GridOptions & { readonly originalInferenceSteps?: number; readonly strength?: number }

/** What determines which timesteps are visited. */
export type DistilledGrid = { readonly num_train_timesteps: number; readonly original_inference_steps: number }

/** Of ascending timesteps, n evenly spaced by index, from the last down. Throws `ConfigError`. */
export const everyFew = (ascending: readonly number[], n: number): readonly number[] => {
  const most = ascending.length
  return Array.from({ length: stepCount(n, most) }, (_, i) => ascending[most - 1 - Math.floor(i * (most / n))]!)
}

/** A share of a grid: above 0, at most 1. Throws `ConfigError`. */
export const shareOf = (strength: number): number => {
  if (!(strength > 0 && strength <= 1))
    throw new ConfigError('strength', strength, ['above 0, at most 1'], 'is no share')
  return strength
}

/** Timesteps by hand, the last share `strength` of them. Throws `ConfigError`. */
export const givenShare = (timesteps: readonly number[], total: number, strength: number): readonly number[] => {
  const kept = Math.floor(timesteps.length * shareOf(strength))
  if (kept === 0) throw new ConfigError('strength', strength, [`at least 1/${timesteps.length}`], 'leaves no timesteps')
  return givenTimesteps(timesteps, total).slice(timesteps.length - kept)
}

/**
 * The distilled timesteps, ascending: k − 1, 2k − 1, … with k = ⌊T/original⌋, the first share `strength` of them.
 * Throws `ConfigError`.
 */
export const distilled = (o: DistilledGrid, original: number, strength: number): readonly number[] => {
  const stride = Math.floor(o.num_train_timesteps / stepCount(original, o.num_train_timesteps))
  return Array.from({ length: Math.floor(original * shareOf(strength)) }, (_, i) => (i + 1) * stride - 1)
}

/**
 * f = c_skip x + c_out x₀ with c_skip = σ_d²/(s² + σ_d²), c_out = s/√(s² + σ_d²), s = `timestep_scaling` · t, σ_d = ½,
 * x₀ kept in range as the config says; then x' = √ᾱ' f + √(1 − ᾱ') z, and f itself at the last step. State: the
 * sample. A draw for each step but the last. Throws `ConfigError`.
 */
export const lcmScheduler = (
  config: SchedulerConfig,
  steps: number,
  options: DistilledOptions = {},
): Scheduler<NoisySample, LcmCoefficient> => {
  const fields = fieldsOf(lcmFields, config)
  const { prediction_type: kind } = fields
  const { alphasCumprod: bars } = forwardProcess(fields)
  const { timesteps: hand, strength = 1, originalInferenceSteps = fields.original_inference_steps } = options
  const grid =
    hand === undefined
      ? everyFew(distilled(fields, originalInferenceSteps, strength), steps)
      : givenShare(hand, bars.length, strength)
  demandSignal(
    kind,
    grid.slice(options.begin ?? 0).map((at) => bars[at]!),
  )
  const keep = inRange(fields)

  const coefficients = (at: number, i: number): Step<LcmCoefficient, number> => {
    const bar = bars[at]!
    const next = i + 1 < grid.length ? bars[grid[i + 1]!]! : 1
    const scaled = at * fields.timestep_scaling
    return {
      t: at,
      alpha: Math.sqrt(bar),
      sigma: Math.sqrt(1 - bar),
      skip: 0.25 / (scaled * scaled + 0.25),
      out: scaled / Math.sqrt(scaled * scaled + 0.25),
      toClean: Math.sqrt(next),
      deviation: Math.sqrt(1 - next),
    }
  }
  const denoised = ({ x }: NoisySample, answer: Tensor, c: Step<LcmCoefficient, Scalar>): Tensor =>
    keep(cleanFrom(kind, x, answer, c))
      .mul(c.out)
      .add(x.mul(c.skip))

  const timesteps = grid.map(coefficients).slice(options.begin ?? 0)
  const drawn = timesteps.map((_, i) => i + 1 < timesteps.length)
  const start = (x: Tensor, noise: Noise): NoisySample => ({ x, noise: sparing(noise, drawn) })

  return {
    timesteps,
    initNoiseSigma: 1,
    init: (noise) => start(noise.head, noise.next),
    start,
    input: ({ x }) => x,
    denoised,
    step: (state, answer, c) => ({
      x: denoised(state, answer, c).mul(c.toClean).add(state.noise.head.mul(c.deviation)),
      noise: state.noise.next,
    }),
    output: ({ x }) => x,
    addNoise: (x, noise, { alpha, sigma }) => x.mul(alpha).add(noise.mul(sigma)),
  }
}
