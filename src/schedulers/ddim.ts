/** Denoising diffusion implicit models. Song, Meng & Ermon 2020. */
import * as t from 'io-ts'
import { defaulted } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import type { Scalar, Tensor } from '../tensor/tensor.ts'
import { betaFields, fieldsOf, predictionField, rangeFields, spacingFields, type SchedulerConfig } from './config.ts'
import type { GridOptions, NoisySample } from './ddpm.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { givenTimesteps, spacedTimesteps } from './spacing.ts'
import { cleanFrom, demandSignal, forwardProcess, inRange, noiseFrom } from './variance-preserving.ts'

/** The fields of a DDIMScheduler's config, with diffusers' defaults. */
export const ddimFields = t.type({
  ...betaFields('linear', 'scaled_linear', 'squaredcos_cap_v2'),
  ...predictionField,
  ...spacingFields,
  ...rangeFields,
  set_alpha_to_one: defaulted(t.boolean, true),
  rescale_betas_zero_snr: defaulted(t.boolean, false),
})

/** √ᾱ, √(1 − ᾱ) before the step; the weights of x₀, of ε and of fresh noise after it. */
export type DdimCoefficient = 'alpha' | 'sigma' | 'toClean' | 'direction' | 'deviation'

/** `eta` from 0 (deterministic) to 1 (as noisy as DDPM); whether ε is derived again from the x₀ kept in range, as GLIDE does. */
export type DdimOptions = GridOptions & { readonly eta?: number; readonly useClippedModelOutput?: boolean }

/**
 * Eq. 12: x' = √ᾱ' x₀ + √(1 − ᾱ' − σ²) ε + σ z, with σ = η √((1 − ᾱ')/(1 − ᾱ)) √(1 − ᾱ/ᾱ') (eq. 16). ᾱ' is taken ⌊T/n⌋ training
 * steps earlier, and before the first of them is 1, or ᾱ₀ unless `set_alpha_to_one`. State: the sample. No draws when η = 0, else one
 * a step. Throws `ConfigError`.
 */
export const ddimScheduler = (
  config: SchedulerConfig,
  steps: number,
  { eta = 0, useClippedModelOutput = false, timesteps, begin = 0 }: DdimOptions = {},
): Scheduler<NoisySample, DdimCoefficient> => {
  const fields = fieldsOf(ddimFields, config)
  if (!(eta >= 0 && eta <= 1)) throw new ConfigError('eta', eta, ['0 … 1'], 'is no share of the noise')
  const { prediction_type: kind } = fields
  const { alphasCumprod: bars } = forwardProcess(fields)
  const grid = timesteps === undefined ? spacedTimesteps(steps, fields) : givenTimesteps(timesteps, bars.length)
  demandSignal(
    kind,
    grid.map((at) => bars[at]!),
  )
  const keep = inRange(fields)
  const final = fields.set_alpha_to_one ? 1 : bars[0]!
  const stride = Math.floor(bars.length / grid.length)

  const before = (at: number, i: number): number => {
    if (timesteps !== undefined) return i + 1 < grid.length ? bars[grid[i + 1]!]! : final
    return at - stride >= 0 ? bars[at - stride]! : final
  }

  const coefficients = (at: number, i: number): Step<DdimCoefficient, number> => {
    const bar = bars[at]!
    const next = before(at, i)
    const deviation = eta * Math.sqrt(Math.max(((1 - next) / (1 - bar)) * (1 - bar / next), 0))
    return {
      t: at,
      alpha: Math.sqrt(bar),
      sigma: Math.sqrt(1 - bar),
      toClean: Math.sqrt(next),
      direction: Math.sqrt(Math.max(1 - next - deviation ** 2, 0)),
      deviation,
    }
  }

  const denoised = ({ x }: NoisySample, answer: Tensor, c: Step<DdimCoefficient, Scalar>): Tensor =>
    keep(cleanFrom(kind, x, answer, c))

  return {
    timesteps: grid.map(coefficients).slice(begin),
    initNoiseSigma: 1,
    init: (noise) => ({ x: noise.head, noise: noise.next }),
    start: (x, noise) => ({ x, noise }),
    input: ({ x }) => x,
    denoised,
    step: (state, answer, c) => {
      const clean = denoised(state, answer, c)
      const eps = useClippedModelOutput ? noiseFrom('sample', state.x, clean, c) : noiseFrom(kind, state.x, answer, c)
      const x = clean.mul(c.toClean).add(eps.mul(c.direction))
      if (eta === 0) return { x, noise: state.noise }
      return { x: x.add(state.noise.head.mul(c.deviation)), noise: state.noise.next }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { alpha, sigma }) => x.mul(alpha).add(noise.mul(sigma)),
  }
}
