/** Euler steps along the probability-flow ODE in σ. Karras et al. 2022, algorithm 2 without its second-order correction. */
import * as t from 'io-ts'
import { defaulted, oneOf } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { sparing, type Noise } from '../tensor/noise.ts'
import type { Scalar, Tensor } from '../tensor/tensor.ts'
import { betaFields, fieldsOf, predictionField, type SchedulerConfig } from './config.ts'
import type { NoisySample } from './ddpm.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { sigmaEndFields, sigmaFields, sigmaGrid, type SigmaOptions } from './sigma-grid.ts'
import { cleanBy, cleanWeights, inputScale, startDeviation } from './sigma-space.ts'
import { trainSigmas } from './sigmas.ts'
import { spacings } from './spacing.ts'
import { forwardProcess } from './variance-preserving.ts'

/** The fields of an EulerDiscreteScheduler's config, with diffusers' defaults. */
export const eulerFields = t.type({
  ...betaFields('linear', 'scaled_linear', 'squaredcos_cap_v2'),
  ...predictionField,
  ...sigmaFields,
  ...sigmaEndFields,
  timestep_spacing: defaulted(oneOf(...spacings), 'linspace'),
  steps_offset: defaulted(t.number, 0),
  interpolation_type: defaulted(oneOf('linear', 'log_linear'), 'linear'),
  timestep_type: defaulted(oneOf('discrete', 'continuous'), 'discrete'),
  rescale_betas_zero_snr: defaulted(t.boolean, false),
})

/** σ; 1/√(σ² + 1); the noise churned in; the weights of x and the model's answer in x₀; and the step along (x − x₀). */
export type EulerCoefficient = 'sigma' | 'scale' | 'churn' | 'kept' | 'told' | 'advance'

/** Churn: how much noise is added before each step, between which levels, how strong. Karras et al. 2022, algorithm 2. */
export type ChurnOptions = {
  readonly churn?: number
  readonly churnMin?: number
  readonly churnMax?: number
  readonly churnNoise?: number
}

/**
 * x̂ = x + √(σ̂² − σ²) s z with σ̂ = σ (1 + γ); x' = x̂ + (σ' − σ̂) (x̂ − x₀)/σ̂, γ = min(churn/n, √2 − 1) between the churn levels, else 0.
 * State: the sample. A draw for each churned step. Order 1, one model call a step. Throws `ConfigError`.
 */
export const eulerScheduler = (
  config: SchedulerConfig,
  steps: number,
  options: SigmaOptions & ChurnOptions = {},
): Scheduler<NoisySample, EulerCoefficient> => {
  const fields = fieldsOf(eulerFields, config)
  const { prediction_type: kind } = fields
  const continuous = fields.timestep_type === 'continuous' && kind === 'v_prediction'
  if (continuous && options.timesteps !== undefined)
    throw new ConfigError(
      'timesteps',
      options.timesteps,
      ['sigmas'],
      'are not what a continuous v_prediction model is told,',
    )
  const train = trainSigmas(forwardProcess(fields).alphasCumprod)
  const { timesteps: labels, sigmas } = sigmaGrid(steps, fields, train, options)
  const { churn = 0, churnMin = 0, churnMax = Infinity, churnNoise = 1 } = options

  const coefficients = (label: number, i: number): Step<EulerCoefficient, number> => {
    const [sigma, next] = [sigmas[i]!, sigmas[i + 1]!]
    const gamma = sigma >= churnMin && sigma <= churnMax ? Math.min(churn / labels.length, Math.SQRT2 - 1) : 0
    const hat = sigma * (1 + gamma)
    return {
      t: continuous ? 0.25 * Math.log(sigma) : label,
      sigma,
      scale: inputScale(sigma),
      churn: churnNoise * Math.sqrt(hat * hat - sigma * sigma),
      ...cleanWeights(kind, hat, sigma),
      advance: (next - hat) / hat,
    }
  }
  const all = labels.map(coefficients)
  const timesteps = all.slice(options.begin ?? 0)
  const drawn = timesteps.map((c) => c.churn > 0)
  const churned =
    churn > 0
      ? ({ x, noise }: NoisySample, c: { readonly churn: Scalar }): Tensor => x.add(noise.head.mul(c.churn))
      : ({ x }: NoisySample): Tensor => x
  const initNoiseSigma = startDeviation(fields.timestep_spacing, sigmas[0]!)
  const start = (x: Tensor, noise: Noise): NoisySample => ({ x, noise: churn > 0 ? sparing(noise, drawn) : noise })

  return {
    timesteps,
    initNoiseSigma,
    init: (noise) => start(noise.head.mul(initNoiseSigma), noise.next),
    start,
    input: ({ x }, c) => x.mul(c.scale),
    denoised: (state, answer, c) => cleanBy(churned(state, c), answer, c),
    step: (state, answer, c) => {
      const x = churned(state, c)
      const moved = x.add(x.sub(cleanBy(x, answer, c)).mul(c.advance))
      return { x: moved, noise: churn > 0 ? state.noise.next : state.noise }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { sigma }) => x.add(noise.mul(sigma)),
  }
}
