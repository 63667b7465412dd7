/** Euler steps that go too far and come back with fresh noise: ancestral sampling in σ. Crowson 2022, k-diffusion. */
import * as t from 'io-ts'
import { defaulted, oneOf } from '../core/config.ts'
import type { Noise } from '../tensor/noise.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { betaFields, fieldsOf, predictionField, type SchedulerConfig } from './config.ts'
import type { NoisySample } from './ddpm.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { sigmaGrid, type SigmaOptions } from './sigma-grid.ts'
import { cleanBy, cleanWeights, inputScale, startDeviation } from './sigma-space.ts'
import { trainSigmas } from './sigmas.ts'
import { spacings } from './spacing.ts'
import { forwardProcess } from './variance-preserving.ts'

/** The fields of an EulerAncestralDiscreteScheduler's config, with diffusers' defaults. */
export const eulerAncestralFields = t.type({
  ...betaFields('linear', 'scaled_linear', 'squaredcos_cap_v2'),
  ...predictionField,
  timestep_spacing: defaulted(oneOf(...spacings), 'linspace'),
  steps_offset: defaulted(t.number, 0),
  rescale_betas_zero_snr: defaulted(t.boolean, false),
})

/** σ; 1/√(σ² + 1); the weights of x and the model's answer in x₀; the step along (x − x₀); the fresh noise. */
export type EulerAncestralCoefficient = 'sigma' | 'scale' | 'kept' | 'told' | 'advance' | 'up'

/** How σ' is split: σ'² = down² + up², up = σ' √(1 − σ'²/σ²). Song, Meng & Ermon 2020, eq. 16 with η = 1, in σ. */
export const ancestral = (sigma: number, next: number): { readonly down: number; readonly up: number } => ({
  down: (next * next) / sigma,
  up: next * Math.sqrt(Math.max(1 - (next / sigma) ** 2, 0)),
})

/**
 * x' = x + (σ_down − σ) (x − x₀)/σ + σ_up z. State: the sample. One draw a step, the last one too, whose weight is 0 (as diffusers draws).
 * Order 1, one model call a step. Throws `ConfigError`.
 */
export const eulerAncestralScheduler = (
  config: SchedulerConfig,
  steps: number,
  options: SigmaOptions = {},
): Scheduler<NoisySample, EulerAncestralCoefficient> => {
  const fields = fieldsOf(eulerAncestralFields, config)
  const train = trainSigmas(forwardProcess(fields).alphasCumprod)
  const { timesteps: labels, sigmas } = sigmaGrid(steps, fields, train, options)
  const coefficients = (label: number, i: number): Step<EulerAncestralCoefficient, number> => {
    const sigma = sigmas[i]!
    const { down, up } = ancestral(sigma, sigmas[i + 1]!)
    return {
      t: label,
      sigma,
      scale: inputScale(sigma),
      ...cleanWeights(fields.prediction_type, sigma),
      advance: (down - sigma) / sigma,
      up,
    }
  }
  const initNoiseSigma = startDeviation(fields.timestep_spacing, sigmas[0]!)
  const start = (x: Tensor, noise: Noise): NoisySample => ({ x, noise })

  return {
    timesteps: labels.map(coefficients).slice(options.begin ?? 0),
    initNoiseSigma,
    init: (noise) => start(noise.head.mul(initNoiseSigma), noise.next),
    start,
    input: ({ x }, c) => x.mul(c.scale),
    denoised: ({ x }, answer, c) => cleanBy(x, answer, c),
    step: ({ x, noise }, answer, c) => {
      const moved = x.add(x.sub(cleanBy(x, answer, c)).mul(c.advance))
      return { x: moved.add(noise.head.mul(c.up)), noise: noise.next }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { sigma }) => x.add(noise.mul(sigma)),
  }
}
