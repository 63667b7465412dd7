/** Consistency models: one step from noise, or several with fresh noise between. Song et al. 2023, algorithm 1. */
import * as t from 'io-ts'
import { defaulted, integer } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { clamp } from '../tensor/nn.ts'
import type { Scalar, Tensor } from '../tensor/tensor.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import type { GridOptions, NoisySample } from './ddpm.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { givenTimesteps, spacedTimesteps } from './spacing.ts'

/** The fields of a CMStochasticIterativeScheduler's config, with diffusers' defaults. */
export const consistencyFields = t.type({
  num_train_timesteps: defaulted(integer(1), 40),
  sigma_min: defaulted(t.number, 0.002),
  sigma_max: defaulted(t.number, 80),
  sigma_data: defaulted(t.number, 0.5),
  s_noise: defaulted(t.number, 1),
  rho: defaulted(t.number, 7),
  clip_denoised: defaulted(t.boolean, true),
})

/** σ; 1/√(σ² + σ_d²); the weights of x and of the answer in the consistency function; the noise added after it. */
export type ConsistencyCoefficient = 'sigma' | 'scale' | 'skip' | 'out' | 'deviation'

const demand = (fits: boolean, field: string, value: number, allowed: string): void => {
  if (!fits) throw new ConfigError(field, value, [allowed], 'is no level')
}

/**
 * f = c_skip x + c_out F with c_skip = σ_d²/((σ − σ_min)² + σ_d²), c_out = σ_d (σ − σ_min)/√(σ² + σ_d²) (appendix C),
 * clipped to ±1 as the config says; x' = f + s √(σ'² − σ_min²) z. Levels are Karras', at positions 0 … T − 1 of the
 * trained grid counted from its clean end; the model is told 250 ln σ. State: the sample. No draws in one step, else
 * one a step (the last weighs 0). Throws `ConfigError`.
 */
export const consistencyScheduler = (
  config: SchedulerConfig,
  steps: number,
  { timesteps, begin = 0 }: GridOptions = {},
): Scheduler<NoisySample, ConsistencyCoefficient> => {
  const fields = fieldsOf(consistencyFields, config)
  const { num_train_timesteps: total, sigma_min: min, sigma_max: max, sigma_data: data, s_noise, rho } = fields
  demand(min >= 0 && min <= max, 'sigma_min', min, `a number from 0 to sigma_max, ${max}`)
  demand(max > 0 && max < Infinity, 'sigma_max', max, 'a finite number above 0')
  demand(data > 0 && data < Infinity, 'sigma_data', data, 'a finite number above 0')
  demand(rho > 0 && rho < Infinity, 'rho', rho, 'a finite number above 0')
  const places =
    timesteps === undefined
      ? spacedTimesteps(steps, { num_train_timesteps: total, timestep_spacing: 'leading', steps_offset: 0 })
      : givenTimesteps(timesteps, total)
  const level = (place: number): number =>
    (max ** (1 / rho) + (place / Math.max(total - 1, 1)) * (min ** (1 / rho) - max ** (1 / rho))) ** rho
  // A place counts from the clean end, the ramp from the noisy one: diffusers reverses the list, and so do we.
  const sigmas = [...places.toReversed().map(level), min]

  const coefficients = (sigma: number, i: number): Step<ConsistencyCoefficient, number> => {
    const hat = Math.min(Math.max(sigmas[i + 1]!, min), max)
    return {
      t: 250 * Math.log(sigma + 1e-44),
      sigma,
      scale: 1 / Math.sqrt(sigma ** 2 + data ** 2),
      skip: data ** 2 / ((sigma - min) ** 2 + data ** 2),
      out: ((sigma - min) * data) / Math.sqrt(sigma ** 2 + data ** 2),
      deviation: s_noise * Math.sqrt(hat ** 2 - min ** 2),
    }
  }
  const single = places.length === 1
  const denoised = ({ x }: NoisySample, answer: Tensor, c: Step<ConsistencyCoefficient, Scalar>): Tensor => {
    const clean = answer.mul(c.out).add(x.mul(c.skip))
    return fields.clip_denoised ? clamp(-1, 1)(clean) : clean
  }

  return {
    timesteps: sigmas.slice(0, -1).map(coefficients).slice(begin),
    initNoiseSigma: max,
    init: (noise) => ({ x: noise.head.mul(max), noise: noise.next }),
    start: (x, noise) => ({ x, noise }),
    input: ({ x }, c) => x.mul(c.scale),
    denoised,
    step: (state, answer, c) => {
      const x = denoised(state, answer, c)
      return single
        ? { x, noise: state.noise }
        : { x: x.add(state.noise.head.mul(c.deviation)), noise: state.noise.next }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { sigma }) => x.add(noise.mul(sigma)),
  }
}
