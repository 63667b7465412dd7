/** Euler steps of an EDM network along its probability-flow ODE. Karras et al. 2022, algorithm 2 without its second-order correction. */
import * as t from 'io-ts'
import { sparing, type Noise } from '../tensor/noise.ts'
import type { Scalar, Tensor } from '../tensor/tensor.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import type { NoisySample } from './ddpm.ts'
import { edmDeviation, edmFields, edmLevels, edmScale, edmTime, edmWeights } from './edm.ts'
import type { ChurnOptions, EulerCoefficient } from './euler.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { cleanBy } from './sigma-space.ts'

/** The fields of an EDMEulerScheduler's config, with diffusers' defaults. */
export const edmEulerFields = t.type(edmFields)

/** Churn; positions by hand (then as many steps as there are), ascending from 0, the greatest level, to 1, the least: diffusers' `sigmas`. */
export type EdmEulerOptions = ChurnOptions & { readonly ramp?: readonly number[]; readonly begin?: number }

/**
 * x̂ = x + √(σ̂² − σ²) s z with σ̂ = σ (1 + γ); x' = x̂ + (σ' − σ̂) (x̂ − x₀)/σ̂, γ = min(churn/n, √2 − 1) between the churn levels, else 0;
 * x₀ = c_skip(σ̂) x̂ + c_out(σ̂) F, where F has seen c_in(σ) x. State: the sample. A draw for each churned step. Order 1, one model call a
 * step. Throws `ConfigError`.
 */
export const edmEulerScheduler = (
  config: SchedulerConfig,
  steps: number,
  { churn = 0, churnMin = 0, churnMax = Infinity, churnNoise = 1, ramp, begin = 0 }: EdmEulerOptions = {},
): Scheduler<NoisySample, EulerCoefficient> => {
  const fields = fieldsOf(edmEulerFields, config)
  const { prediction_type: kind, sigma_data: data } = fields
  const levels = edmLevels(steps, fields, ramp)
  const end = fields.final_sigmas_type === 'zero' ? 0 : levels.at(-1)!
  const gamma = (sigma: number): number =>
    sigma >= churnMin && sigma <= churnMax ? Math.min(churn / levels.length, Math.SQRT2 - 1) : 0
  const coefficients = (sigma: number, i: number): Step<EulerCoefficient, number> => {
    const hat = sigma * (1 + gamma(sigma))
    return {
      t: edmTime(sigma),
      sigma,
      scale: edmScale(sigma, data),
      churn: churnNoise * Math.sqrt(hat * hat - sigma * sigma),
      ...edmWeights(kind, hat, data),
      advance: ((levels[i + 1] ?? end) - hat) / hat,
    }
  }
  const timesteps = levels.map(coefficients).slice(begin)
  const churned =
    churn > 0
      ? ({ x, noise }: NoisySample, c: { readonly churn: Scalar }): Tensor => x.add(noise.head.mul(c.churn))
      : ({ x }: NoisySample): Tensor => x
  const drawn = timesteps.map(({ sigma }) => gamma(sigma) > 0)
  const initNoiseSigma = edmDeviation(fields)
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
