/** DDIM run backwards: from a clean sample to its noise. Song, Meng & Ermon 2020, section 4.3. */
import * as t from 'io-ts'
import { defaulted, nullable, oneOf } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import type { Scalar, Tensor } from '../tensor/tensor.ts'
import { betaFields, fieldsOf, predictionField, rangeFields, spacingFields, type SchedulerConfig } from './config.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { spacedTimesteps } from './spacing.ts'
import { cleanFrom, demandSignal, forwardProcess, inRange, noiseFrom } from './variance-preserving.ts'

const { clip_sample, clip_sample_range } = rangeFields

/**
 * The fields of a DDIMInverseScheduler's config, with diffusers' defaults. `set_alpha_to_zero` is an older name that
 * goes first.
 */
export const ddimInverseFields = t.type({
  ...betaFields('linear', 'scaled_linear', 'squaredcos_cap_v2'),
  ...predictionField,
  ...spacingFields,
  timestep_spacing: defaulted(oneOf('leading', 'trailing'), 'leading'),
  clip_sample,
  clip_sample_range,
  set_alpha_to_one: defaulted(t.boolean, true),
  set_alpha_to_zero: defaulted(nullable(t.boolean), null),
  rescale_betas_zero_snr: defaulted(t.boolean, false),
})

/** √ᾱ, √(1 − ᾱ) before the step; the weights of x₀ and of ε after it. */
export type DdimInverseCoefficient = 'alpha' | 'sigma' | 'toClean' | 'direction'

/**
 * x' = √ᾱ' x₀ + √(1 − ᾱ') ε, with timesteps that rise: ᾱ' is at the label, ᾱ is ⌊T/n⌋ training steps before it, and
 * before the first of them is 1, or ᾱ₀ unless `set_alpha_to_one`. Every step undoes one of DDIM's where the answer is
 * the same. State: the sample; it starts clean. No draws. Throws `ConfigError`, also where a model of x₀ would have to
 * tell the noise of a sample that has none.
 */
export const ddimInverseScheduler = (
  config: SchedulerConfig,
  steps: number,
  { begin = 0 }: { readonly begin?: number } = {},
): Scheduler<{ readonly x: Tensor }, DdimInverseCoefficient> => {
  const fields = fieldsOf(ddimInverseFields, config)
  const { prediction_type: kind } = fields
  const { alphasCumprod: bars } = forwardProcess(fields)
  const grid = [...spacedTimesteps(steps, fields)].reverse()
  const stride = Math.floor(bars.length / grid.length)
  const first = (fields.set_alpha_to_zero ?? fields.set_alpha_to_one) ? 1 : bars[0]!
  // An offset may have pushed the last labels together: then a step starts where the one before ended.
  const from = grid.map((at, i) => bars[Math.max(at - stride, grid[i - 1] ?? at - stride)] ?? first)
  demandSignal(kind, from.slice(begin))
  if (kind === 'sample' && from.slice(begin).includes(1))
    throw new ConfigError(
      'set_alpha_to_one',
      true,
      ['false', 'prediction_type epsilon or v_prediction'],
      'starts from a sample without noise, and prediction_type sample tells none,',
    )
  const keep = inRange({ ...fields, thresholding: false, dynamic_thresholding_ratio: 1, sample_max_value: 1 })

  const coefficients = (at: number, i: number): Step<DdimInverseCoefficient, number> => ({
    t: at,
    alpha: Math.sqrt(from[i]!),
    sigma: Math.sqrt(1 - from[i]!),
    toClean: Math.sqrt(bars[at]!),
    direction: Math.sqrt(1 - bars[at]!),
  })
  const denoised = ({ x }: { readonly x: Tensor }, answer: Tensor, c: Step<DdimInverseCoefficient, Scalar>): Tensor =>
    keep(cleanFrom(kind, x, answer, c))

  return {
    timesteps: grid.map(coefficients).slice(begin),
    initNoiseSigma: 1,
    init: (noise) => ({ x: noise.head }),
    start: (x) => ({ x }),
    input: ({ x }) => x,
    denoised,
    step: (state, answer, c) => {
      const eps = noiseFrom(kind, state.x, answer, c)
      return { x: denoised(state, answer, c).mul(c.toClean).add(eps.mul(c.direction)) }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { alpha, sigma }) => x.mul(alpha).add(noise.mul(sigma)),
  }
}
