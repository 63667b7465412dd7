/** Heun's method along the probability-flow ODE in σ. Karras et al. 2022, algorithm 1. */
import * as t from 'io-ts'
import { defaulted, oneOf } from '../core/config.ts'
import { clamp } from '../tensor/nn.ts'
import { zeros, type Scalar, type Tensor } from '../tensor/tensor.ts'
import { betaFields, fieldsOf, predictionField, type SchedulerConfig } from './config.ts'
import { beginning, calls, type Call } from './pairs.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { sigmaFields, sigmaGrid, type SigmaOptions } from './sigma-grid.ts'
import { cleanBy, cleanWeights, inputScale, startDeviation } from './sigma-space.ts'
import { trainSigmas } from './sigmas.ts'
import { spacings } from './spacing.ts'
import { forwardProcess } from './variance-preserving.ts'

/** The fields of a HeunDiscreteScheduler's config, with diffusers' defaults. */
export const heunFields = t.type({
  ...betaFields('linear', 'scaled_linear', 'squaredcos_cap_v2', 'exp'),
  beta_start: defaulted(t.number, 0.00085),
  beta_end: defaulted(t.number, 0.012),
  ...predictionField,
  ...sigmaFields,
  timestep_spacing: defaulted(oneOf(...spacings), 'linspace'),
  steps_offset: defaulted(t.number, 0),
  clip_sample: defaulted(t.boolean, false),
  clip_sample_range: defaulted(t.number, 1),
})

/** A sample, the one that the step started from, and the slope there. */
export type HeunState = { readonly x: Tensor; readonly from: Tensor; readonly slope: Tensor }

/** σ; 1/√(σ² + 1); the weights of x and the answer in x₀; 1/σ; the weights of x, of the start, of the slope there and of the slope here. */
export type HeunCoefficient = 'sigma' | 'scale' | 'kept' | 'told' | 'inverse' | 'here' | 'there' | 'before' | 'advance'

/** Where a pair of calls ends up: Euler's step first, then the trapezium over the slopes at both ends. */
export const heunWeights = ({ second }: Call, dt: number) => ({
  here: second ? 0 : 1,
  there: second ? 1 : 0,
  before: second ? dt / 2 : 0,
  advance: second ? dt / 2 : dt,
})

/** from · there + x · here + slope₀ · before + slope₁ · advance. */
export const heunStep = (
  { x, from, slope }: HeunState,
  now: Tensor,
  c: { readonly [P in 'here' | 'there' | 'before' | 'advance']: Scalar },
): HeunState => ({
  x: x.mul(c.here).add(from.mul(c.there)).add(slope.mul(c.before)).add(now.mul(c.advance)),
  from: x,
  slope: now,
})

/**
 * With slope d(x, σ) = (x − x₀)/σ: x̂ = x + (σ' − σ) d, then x' = x + (σ' − σ) (d + d̂)/2, d̂ = d(x̂, σ'). A step is two model calls, so every
 * level but the first is listed twice; the last step, to σ = 0, is Euler's. State: the sample, the step's start and its slope. No draws.
 * Order 2. Throws `ConfigError`.
 */
export const heunScheduler = (
  config: SchedulerConfig,
  steps: number,
  options: SigmaOptions = {},
): Scheduler<HeunState, HeunCoefficient> => {
  const fields = fieldsOf(heunFields, config)
  const train = trainSigmas(forwardProcess(fields).alphasCumprod)
  const { timesteps: labels, sigmas } = sigmaGrid(steps, fields, train, options)
  const coefficients = (call: Call): Step<HeunCoefficient, number> => {
    const [from, to] = [sigmas[call.step]!, sigmas[call.step + 1]!]
    const sigma = call.second ? to : from
    return {
      t: labels[call.second ? call.step + 1 : call.step]!,
      sigma,
      scale: inputScale(sigma),
      ...cleanWeights(fields.prediction_type, sigma),
      inverse: 1 / sigma,
      ...heunWeights(call, to - from),
    }
  }
  const initNoiseSigma = startDeviation(fields.timestep_spacing, sigmas[0]!)
  const start = (x: Tensor): HeunState => ({ x, from: x, slope: zeros(x.shape) })
  const range = fields.clip_sample_range
  const denoised = ({ x }: HeunState, answer: Tensor, c: Step<HeunCoefficient, Scalar>): Tensor =>
    fields.clip_sample ? clamp(-range, range)(cleanBy(x, answer, c)) : cleanBy(x, answer, c)

  return {
    timesteps: calls(labels.length).map(coefficients).slice(beginning(options.begin)),
    callsPerStep: 2,
    initNoiseSigma,
    init: (noise) => start(noise.head.mul(initNoiseSigma)),
    start,
    input: ({ x }, c) => x.mul(c.scale),
    denoised,
    step: (state, answer, c) => heunStep(state, state.x.sub(denoised(state, answer, c)).mul(c.inverse), c),
    output: ({ x }) => x,
    addNoise: (x, noise, { sigma }) => x.add(noise.mul(sigma)),
  }
}
