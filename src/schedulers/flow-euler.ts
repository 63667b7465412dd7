/** Euler steps along the straight paths of flow matching. Lipman et al. 2022; Liu et al. 2022; Esser et al. 2024. */
import * as t from 'io-ts'
import { defaulted, nullable } from '../core/config.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import type { NoisySample } from './ddpm.ts'
import { flowGrid, flowGridFields, type FlowGridConfig, type FlowOptions } from './flow-grid.ts'
import type { Scheduler } from './scheduler.ts'

/** The fields of a FlowMatchEulerDiscreteScheduler's config, with diffusers' defaults. */
export const flowEulerFields = t.type({
  ...flowGridFields,
  stochastic_sampling: defaulted(nullable(t.boolean), false),
})

/** σ; 1 − σ; σ' and 1 − σ'; σ' − σ; and the weight of the answer in x₀. */
export type FlowCoefficient = 'sigma' | 'signal' | 'next' | 'nextSignal' | 'advance' | 'told'

/** The scheduler of a grid: along the path, or by predicting x₀ and noising it again. */
export const flowAlong = (
  steps: number,
  config: FlowGridConfig,
  options: FlowOptions,
  renoised: boolean,
): Scheduler<NoisySample, FlowCoefficient> => {
  const { timesteps: labels, sigmas } = flowGrid(steps, config, options)
  const end = renoised ? 0 : sigmas.at(-1)!
  return {
    timesteps: labels
      .map((label, i) => {
        const [sigma, next] = [sigmas[i]!, sigmas[i + 1]!]
        const advance = next - sigma
        return { t: label, sigma, signal: 1 - sigma, next, nextSignal: 1 - next, advance, told: end - sigma }
      })
      .slice(options.begin ?? 0),
    initNoiseSigma: 1,
    init: (noise) => ({ x: noise.head, noise: noise.next }),
    start: (x, noise) => ({ x, noise }),
    input: ({ x }) => x,
    denoised: ({ x }, flow, c) => x.add(flow.mul(c.told)),
    step: ({ x, noise }, flow, c) =>
      renoised
        ? { x: x.add(flow.mul(c.told)).mul(c.nextSignal).add(noise.head.mul(c.next)), noise: noise.next }
        : { x: x.add(flow.mul(c.advance)), noise },
    output: ({ x }) => x,
    addNoise: (x, noise, { sigma, signal }) => x.mul(signal).add(noise.mul(sigma)),
  }
}

/**
 * x' = x + (σ' − σ) v for a model of the flow v = ε − x₀; with `stochastic_sampling` x' = (1 − σ') (x − σ v) + σ' z.
 * State: the sample. No draws, or one a step (the last weighs 0). Order 1. With `invert_sigmas` the levels rise from 0
 * to 1 and the model is one of the flow x₀ − ε; noise is still added as (1 − σ) x₀ + σ ε, as diffusers does. Throws
 * `ConfigError`.
 */
export const flowEulerScheduler = (
  config: SchedulerConfig,
  steps: number,
  options: FlowOptions = {},
): Scheduler<NoisySample, FlowCoefficient> => {
  const fields = fieldsOf(flowEulerFields, config)
  return flowAlong(steps, fields, options, fields.stochastic_sampling === true)
}
