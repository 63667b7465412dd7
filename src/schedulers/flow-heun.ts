/** Heun's method along the paths of flow matching. Karras et al. 2022, algorithm 2; Esser et al. 2024 for the paths. */
import * as t from 'io-ts'
import { sparing, type Noise } from '../tensor/noise.ts'
import { zeros, type Scalar, type Tensor } from '../tensor/tensor.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import type { ChurnOptions } from './euler.ts'
import { flowFields, flowGrid } from './flow-grid.ts'
import { heunStep, heunWeights, type HeunState } from './heun.ts'
import { beginning, calls, type Call } from './pairs.ts'
import type { Scheduler, Step } from './scheduler.ts'

/** The fields of a FlowMatchHeunDiscreteScheduler's config, with diffusers' defaults. */
export const flowHeunFields = t.type(flowFields)

/** A sample, the one that the step started from, the slope there, and the noise still to be drawn. */
export type FlowHeunState = HeunState & { readonly noise: Noise }

/** σ; 1 − σ; the noise churned in; σ/σ̂; the weights of x, of the start, of the slope there and of the slope here. */
export type FlowHeunCoefficient = 'sigma' | 'signal' | 'churn' | 'slope' | 'here' | 'there' | 'before' | 'advance'

/**
 * x̂ = x + (σ' − σ) v, then x' = x + (σ' − σ) (v + v̂)/2 with v̂ = v(x̂, σ'). A step is two model calls, so every
 * level but the first is listed twice; the last step, to σ = 0, is Euler's. With churn (counted in calls) each step
 * first adds √(σ̂² − σ²) s z, σ̂ = σ (1 + γ), and v counts σ/σ̂ as much. State: the sample, the step's start, its
 * slope. No draws, or two a churned step, the second unused as in diffusers. Order 2. Throws `ConfigError`.
 */
export const flowHeunScheduler = (
  config: SchedulerConfig,
  steps: number,
  options: ChurnOptions & { readonly begin?: number } = {},
): Scheduler<FlowHeunState, FlowHeunCoefficient> => {
  const { timesteps: labels, sigmas } = flowGrid(steps, fieldsOf(flowHeunFields, config))
  const { churn = 0, churnMin = 0, churnMax = Infinity, churnNoise = 1 } = options
  const all = calls(labels.length)
  const gamma = ({ step }: Call): number =>
    sigmas[step]! >= churnMin && sigmas[step]! <= churnMax ? Math.min(churn / all.length, Math.SQRT2 - 1) : 0

  const coefficients = (call: Call): Step<FlowHeunCoefficient, number> => {
    const [from, to] = [sigmas[call.step]!, sigmas[call.step + 1]!]
    const hat = from * (1 + gamma(call))
    const sigma = call.second ? to : from
    return {
      t: labels[call.second ? call.step + 1 : call.step]!,
      sigma,
      signal: 1 - sigma,
      churn: call.second ? 0 : churnNoise * Math.sqrt(hat * hat - from * from),
      slope: call.second ? 1 : from / hat,
      ...heunWeights(call, to - hat),
    }
  }
  const begin = beginning(options.begin)
  const drawn = all.map((call) => gamma(call) > 0).slice(begin)
  const churned =
    churn > 0
      ? ({ x, noise }: FlowHeunState, c: { readonly churn: Scalar }): Tensor => x.add(noise.head.mul(c.churn))
      : ({ x }: FlowHeunState): Tensor => x
  const start = (x: Tensor, noise: Noise): FlowHeunState => ({
    x,
    from: x,
    slope: zeros(x.shape),
    noise: churn > 0 ? sparing(noise, drawn) : noise,
  })

  return {
    timesteps: all.map(coefficients).slice(begin),
    callsPerStep: 2,
    initNoiseSigma: 1,
    init: (noise) => start(noise.head, noise.next),
    start,
    input: ({ x }) => x,
    denoised: ({ x }, flow, c) => x.sub(flow.mul(c.sigma)),
    step: (state, flow, c) => ({
      ...heunStep({ ...state, x: churned(state, c) }, flow.mul(c.slope), c),
      noise: churn > 0 ? state.noise.next : state.noise,
    }),
    output: ({ x }) => x,
    addNoise: (x, noise, { sigma, signal }) => x.mul(signal).add(noise.mul(sigma)),
  }
}
