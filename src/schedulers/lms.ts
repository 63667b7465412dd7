/** Linear multistep sampling in σ: Adams–Bashforth on an uneven grid. Crowson 2022, k-diffusion; Liu et al. 2022 for the idea. */
import * as t from 'io-ts'
import { defaulted, oneOf } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { zeros, type Tensor } from '../tensor/tensor.ts'
import { betaFields, fieldsOf, predictionField, type SchedulerConfig } from './config.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { sigmaFields, sigmaGrid, type SigmaOptions } from './sigma-grid.ts'
import { cleanBy, cleanWeights, inputScale, startDeviation } from './sigma-space.ts'
import { trainSigmas } from './sigmas.ts'
import { spacings } from './spacing.ts'
import { forwardProcess } from './variance-preserving.ts'

/** The fields of an LMSDiscreteScheduler's config, with diffusers' defaults. */
export const lmsFields = t.type({
  ...betaFields('linear', 'scaled_linear', 'squaredcos_cap_v2'),
  ...predictionField,
  ...sigmaFields,
  timestep_spacing: defaulted(oneOf(...spacings), 'linspace'),
  steps_offset: defaulted(t.number, 0),
})

/** σ; 1/√(σ² + 1); the weights of x and the answer in x₀; 1/σ; the weights of the slopes, the latest first. */
export type LmsCoefficient = 'sigma' | 'scale' | 'kept' | 'told' | 'inverse' | 'now' | 'ago1' | 'ago2' | 'ago3'

/** A sample and the slopes of the three steps before, the latest first. */
export type LmsState = { readonly x: Tensor; readonly ago1: Tensor; readonly ago2: Tensor; readonly ago3: Tensor }

/**
 * `order`: slopes combined, 1 to 4. `warmUp` matters to a run that begins inside the grid: 'history' uses as many slopes as there are
 * yet; 'position' takes the weights that a run from the top would have there, over slopes that are missing, as diffusers does.
 */
export type LmsOptions = SigmaOptions & { readonly order?: 1 | 2 | 3 | 4; readonly warmUp?: 'position' | 'history' }

/** ∫ₐᵇ f, exact for cubics: Gauss & Legendre's two points. */
const integral = (f: (x: number) => number, a: number, b: number): number => {
  const [middle, half] = [(a + b) / 2, (b - a) / 2]
  const node = half / Math.sqrt(3)
  return half * (f(middle - node) + f(middle + node))
}

/** ∫ from σᵢ to σᵢ₊₁ of the Lagrange polynomials through σᵢ, σᵢ₋₁, … (`order` of them). Hairer, Nørsett & Wanner 1993, III.5. */
export const lmsWeights = (sigmas: readonly number[], i: number, order: number): readonly number[] =>
  Array.from({ length: order }, (_, j) => {
    const lagrange = (s: number): number => {
      let product = 1
      for (let k = 0; k < order; k++) if (k !== j) product *= (s - sigmas[i - k]!) / (sigmas[i - j]! - sigmas[i - k]!)
      return product
    }
    return integral(lagrange, sigmas[i]!, sigmas[i + 1]!)
  })

/**
 * x' = x + Σⱼ wⱼ dᵢ₋ⱼ, d = (x − x₀)/σ, with weights that integrate the polynomial through the slopes exactly, in float64. State: the sample
 * and three slopes; those not there yet weigh 0. No draws. Order up to 4, one model call a step. Throws `ConfigError`.
 */
export const lmsScheduler = (
  config: SchedulerConfig,
  steps: number,
  { order = 4, warmUp = 'position', ...options }: LmsOptions = {},
): Scheduler<LmsState, LmsCoefficient> => {
  const fields = fieldsOf(lmsFields, config)
  if (!([1, 2, 3, 4] as readonly unknown[]).includes(order))
    throw new ConfigError('order', order, ['1', '2', '3', '4'], 'is no order of this method')
  const train = trainSigmas(forwardProcess(fields).alphasCumprod)
  const { timesteps: labels, sigmas } = sigmaGrid(steps, fields, train, options)
  const begin = options.begin ?? 0
  const coefficients = (label: number, i: number): Step<LmsCoefficient, number> => {
    const sigma = sigmas[i]!
    const there = Math.max(warmUp === 'history' ? i - begin : i, 0) + 1
    const [now, ago1, ago2, ago3] = lmsWeights(sigmas, i, Math.min(there, order))
    return {
      t: label,
      sigma,
      scale: inputScale(sigma),
      ...cleanWeights(fields.prediction_type, sigma),
      inverse: 1 / sigma,
      now: now!,
      ago1: ago1 ?? 0,
      ago2: ago2 ?? 0,
      ago3: ago3 ?? 0,
    }
  }
  const initNoiseSigma = startDeviation(fields.timestep_spacing, sigmas[0]!)
  const start = (x: Tensor): LmsState => {
    const none = zeros(x.shape)
    return { x, ago1: none, ago2: none, ago3: none }
  }

  return {
    timesteps: labels.map(coefficients).slice(begin),
    initNoiseSigma,
    init: (noise) => start(noise.head.mul(initNoiseSigma)),
    start,
    input: ({ x }, c) => x.mul(c.scale),
    denoised: ({ x }, answer, c) => cleanBy(x, answer, c),
    step: ({ x, ago1, ago2, ago3 }, answer, c) => {
      const now = x.sub(cleanBy(x, answer, c)).mul(c.inverse)
      const past = ago1.mul(c.ago1).add(ago2.mul(c.ago2)).add(ago3.mul(c.ago3))
      return { x: x.add(now.mul(c.now)).add(past), ago1: now, ago2: ago1, ago3: ago2 }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { sigma }) => x.add(noise.mul(sigma)),
  }
}
