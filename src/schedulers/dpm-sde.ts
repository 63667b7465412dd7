/** A midpoint method along the SDE whose marginals are those of σ. Crowson 2022, k-diffusion's `sample_dpmpp_sde`; Lu et al. 2022b. */
import * as t from 'io-ts'
import { defaulted, integer, nullable, oneOf } from '../core/config.ts'
import { sparing, type Noise } from '../tensor/noise.ts'
import { zeros, type Tensor } from '../tensor/tensor.ts'
import { betaFields, fieldsOf, predictionField, type SchedulerConfig } from './config.ts'
import { beginning, calls, type Call } from './pairs.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { sigmaFields, sigmaGrid, type SigmaOptions } from './sigma-grid.ts'
import { cleanBy, cleanWeights, inputScale, startDeviation } from './sigma-space.ts'
import { timeOf, trainSigmas } from './sigmas.ts'
import { spacings } from './spacing.ts'
import { forwardProcess } from './variance-preserving.ts'

/**
 * The fields of a DPMSolverSDEScheduler's config, with diffusers' defaults. Noise is given with a run, and so `noise_sampler_seed` is not
 * used; models of x₀ ('sample') are taken too, which diffusers has not got to.
 */
export const dpmSdeFields = t.type({
  ...betaFields('linear', 'scaled_linear', 'squaredcos_cap_v2'),
  beta_start: defaulted(t.number, 0.00085),
  beta_end: defaulted(t.number, 0.012),
  ...predictionField,
  ...sigmaFields,
  noise_sampler_seed: defaulted(nullable(integer()), null),
  timestep_spacing: defaulted(oneOf(...spacings), 'linspace'),
  steps_offset: defaulted(t.number, 0),
})

/**
 * σ of the grid (in the middle of a step, the level it ends at); 1/√(σ² + 1) at the model's level; the weights of x and the answer in x₀;
 * the weights of x, of the step's start, of x₀, of this call's noise and of the noise on the way to the middle.
 */
export type DpmSdeCoefficient = 'sigma' | 'scale' | 'kept' | 'told' | 'here' | 'there' | 'toClean' | 'fresh' | 'again'

/** A sample, where its step started, the noise on the way here from there, and the noise still to be drawn. */
export type DpmSdeState = { readonly x: Tensor; readonly from: Tensor; readonly drawn: Tensor; readonly noise: Noise }

/**
 * `noiseScale`: how strong the noise is, 1 unless given. `draws`: what the noise stream holds, all standard normal. 'increments': those of a
 * Brownian path W over σ → σₘ and σₘ → σ', independent. 'answers': (W(σ') − W(σ))/√(σ − σ') over σ → σₘ and σ → σ', as diffusers asks
 * its Brownian tree; the two have the correlation √((σ − σₘ)/(σ − σ')). Both give samples of the same law.
 */
export type DpmSdeOptions = SigmaOptions & {
  readonly noiseScale?: number
  readonly draws?: 'increments' | 'answers'
}

/**
 * With r = (σ_to/σ)²: x_to = r x + (1 − r) x₀ + σ_to √(1 − r) z, taken to the middle σₘ = √(σ σ'), and then from the start to σ' with the x₀
 * found there. A step is two model calls; the last, to σ = 0, is one and gives x₀. State: see `DpmSdeState`. One draw a call, none in the
 * last. Order 2 along the ODE's part. Throws `ConfigError`.
 */
export const dpmSdeScheduler = (
  config: SchedulerConfig,
  steps: number,
  { noiseScale = 1, draws = 'increments', ...options }: DpmSdeOptions = {},
): Scheduler<DpmSdeState, DpmSdeCoefficient> => {
  const fields = fieldsOf(dpmSdeFields, config)
  const train = trainSigmas(forwardProcess(fields).alphasCumprod)
  const { timesteps: labels, sigmas } = sigmaGrid(steps, fields, train, options)
  const coefficients = ({ step, second }: Call): Step<DpmSdeCoefficient, number> => {
    const [from, end] = [sigmas[step]!, sigmas[step + 1]!]
    const middle = Math.sqrt(from * end)
    const level = second ? middle : from
    const to = second || step === labels.length - 1 ? end : middle
    const r = (to / from) ** 2
    const up = noiseScale * to * Math.sqrt(Math.max(1 - r, 0))
    // The share of the path's variance that lies before the middle.
    const before = second && draws === 'increments' && from > end ? (from - middle) / (from - end) : 0
    return {
      t: second ? timeOf(middle, train) : labels[step]!,
      sigma: second ? end : from,
      scale: inputScale(level),
      ...cleanWeights(fields.prediction_type, level),
      here: second ? 0 : r,
      there: second ? r : 0,
      toClean: 1 - r,
      fresh: up * Math.sqrt(1 - before),
      again: up * Math.sqrt(before),
    }
  }
  const timesteps = calls(labels.length).map(coefficients).slice(beginning(options.begin))
  const last = sigmas.at(-1)!
  const drawing = timesteps.map((_, i) => i < timesteps.length - 1 || last > 0)
  const initNoiseSigma = startDeviation(fields.timestep_spacing, sigmas[0]!)
  const start = (x: Tensor, noise: Noise): DpmSdeState => ({
    x,
    from: x,
    drawn: zeros(x.shape),
    noise: sparing(noise, drawing),
  })

  return {
    timesteps,
    callsPerStep: 2,
    initNoiseSigma,
    init: (noise) => start(noise.head.mul(initNoiseSigma), noise.next),
    start,
    input: ({ x }, c) => x.mul(c.scale),
    denoised: ({ x }, answer, c) => cleanBy(x, answer, c),
    step: ({ x, from, drawn, noise }, answer, c) => {
      const moved = x
        .mul(c.here)
        .add(from.mul(c.there))
        .add(cleanBy(x, answer, c).mul(c.toClean))
      return {
        x: moved.add(noise.head.mul(c.fresh)).add(drawn.mul(c.again)),
        from: x,
        drawn: noise.head,
        noise: noise.next,
      }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { sigma }) => x.add(noise.mul(sigma)),
  }
}
