/** DPM-Solver-2: the midpoint method in ln σ. Karras et al. 2022, algorithm 2 as changed by Crowson 2022 (k-diffusion); Lu et al. 2022a. */
import * as t from 'io-ts'
import { defaulted, oneOf } from '../core/config.ts'
import { roundEven } from '../core/special.ts'
import type { Scalar, Tensor } from '../tensor/tensor.ts'
import { betaFields, fieldsOf, predictionField, type SchedulerConfig } from './config.ts'
import { beginning, calls, type Call } from './pairs.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { sigmaFields, sigmaGrid, type SigmaOptions } from './sigma-grid.ts'
import { cleanBy, cleanWeights, inputScale, startDeviation } from './sigma-space.ts'
import { timeOf, trainSigmas } from './sigmas.ts'
import { spacings } from './spacing.ts'
import { forwardProcess } from './variance-preserving.ts'

/** The fields of a KDPM2DiscreteScheduler's config, with diffusers' defaults. */
export const kdpm2Fields = t.type({
  ...betaFields('linear', 'scaled_linear', 'squaredcos_cap_v2'),
  beta_start: defaulted(t.number, 0.00085),
  beta_end: defaulted(t.number, 0.012),
  ...predictionField,
  ...sigmaFields,
  timestep_spacing: defaulted(oneOf(...spacings), 'linspace'),
  steps_offset: defaulted(t.number, 0),
})

/** A sample, and the one that the step started from. */
export type MidpointState = { readonly x: Tensor; readonly from: Tensor }

/**
 * σ of the grid (in the middle of a step, the level it ends at); 1/√(σ² + 1) at the model's level; the weights of x and the answer in
 * x₀; the weights of x and of the step's start; the step along (x − x₀).
 */
export type Kdpm2Coefficient = 'sigma' | 'scale' | 'kept' | 'told' | 'here' | 'there' | 'advance'

/** The levels of a midpoint grid: where each step starts, and its middle; and the labels of starts and middles. */
export type MidpointGrid = {
  readonly sigmas: readonly number[]
  readonly middles: readonly number[]
  readonly labels: readonly number[]
  readonly middleLabels: readonly number[]
  readonly initNoiseSigma: number
}

/** The grid of a config; `middle` is the level between two. Throws `ConfigError`. */
export const midpointGrid = (
  config: SchedulerConfig,
  steps: number,
  options: SigmaOptions,
  middle: (sigma: number, next: number) => number,
): MidpointGrid & { readonly kind: t.TypeOf<typeof kdpm2Fields>['prediction_type'] } => {
  const fields = fieldsOf(kdpm2Fields, config)
  const train = trainSigmas(forwardProcess(fields).alphasCumprod)
  const { timesteps, sigmas } = sigmaGrid(steps, fields, train, options)
  const middles = timesteps.map((_, i) => middle(sigmas[i]!, sigmas[i + 1]!))
  return {
    kind: fields.prediction_type,
    sigmas,
    middles,
    // Diffusers rounds the labels of Karras' grid, and of no other.
    labels: fields.use_karras_sigmas ? timesteps.map(roundEven) : timesteps,
    middleLabels: middles.map((s) => timeOf(s, train)),
    initNoiseSigma: startDeviation(fields.timestep_spacing, sigmas[0]!),
  }
}

/** The coefficients of a call: to the middle first, then from the start over the whole step with the slope found there. */
export const midpointCoefficients = (
  { kind, sigmas, middles, labels, middleLabels }: ReturnType<typeof midpointGrid>,
  { step, second }: Call,
  aim: number,
): Step<Kdpm2Coefficient, number> => {
  const [from, middle] = [sigmas[step]!, middles[step]!]
  const level = second ? middle : from
  return {
    t: second ? middleLabels[step]! : labels[step]!,
    sigma: second ? sigmas[step + 1]! : from,
    scale: inputScale(level),
    ...cleanWeights(kind, level),
    here: second ? 0 : 1,
    there: second ? 1 : 0,
    advance: ((second ? aim : middle) - from) / level,
  }
}

/** x · here + from · there + (x − x₀) · advance. */
export const midpointStep = (
  { x, from }: MidpointState,
  answer: Tensor,
  c: Step<Kdpm2Coefficient, Scalar>,
): MidpointState => ({
  x: x
    .mul(c.here)
    .add(from.mul(c.there))
    .add(x.sub(cleanBy(x, answer, c)).mul(c.advance)),
  from: x,
})

/**
 * x̂ = x + (σ_m − σ) d(x, σ), σ_m = √(σ σ'); x' = x + (σ' − σ) d(x̂, σ_m), d = (x − x₀)/σ. A step is two model calls; the last, to σ = 0, is
 * Euler's. State: the sample and the step's start. No draws. Order 2. Throws `ConfigError`.
 */
export const kdpm2Scheduler = (
  config: SchedulerConfig,
  steps: number,
  options: SigmaOptions = {},
): Scheduler<MidpointState, Kdpm2Coefficient> => {
  const grid = midpointGrid(config, steps, options, (sigma, next) => Math.sqrt(sigma * next))
  const start = (x: Tensor): MidpointState => ({ x, from: x })
  return {
    timesteps: calls(grid.labels.length)
      .map((call) => midpointCoefficients(grid, call, grid.sigmas[call.step + 1]!))
      .slice(beginning(options.begin)),
    callsPerStep: 2,
    initNoiseSigma: grid.initNoiseSigma,
    init: (noise) => start(noise.head.mul(grid.initNoiseSigma)),
    start,
    input: ({ x }, c) => x.mul(c.scale),
    denoised: ({ x }, answer, c) => cleanBy(x, answer, c),
    step: midpointStep,
    output: ({ x }) => x,
    addNoise: (x, noise, { sigma }) => x.add(noise.mul(sigma)),
  }
}
