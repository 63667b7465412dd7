/** The sampler of unCLIP: DDPM on a cosine schedule, with timesteps from both ends. Ramesh et al. 2022. */
import * as t from 'io-ts'
import { defaulted, integer, oneOf } from '../core/config.ts'
import { roundEven } from '../core/special.ts'
import { ConfigError } from '../errors.ts'
import { sparing, type Noise } from '../tensor/noise.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { fieldsOf, rangeFields, type SchedulerConfig } from './config.ts'
import { ddpmFields, ddpmScheduler, type DdpmCoefficient, type NoisySample } from './ddpm.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { stepCount } from './spacing.ts'
import { forwardProcess } from './variance-preserving.ts'

const { clip_sample, clip_sample_range } = rangeFields

/** The fields of an UnCLIPScheduler's config, with diffusers' defaults. */
export const unclipFields = t.type({
  num_train_timesteps: defaulted(integer(1), 1000),
  variance_type: defaulted(oneOf('fixed_small_log', 'learned_range'), 'fixed_small_log'),
  clip_sample,
  clip_sample_range,
  prediction_type: defaulted(oneOf('epsilon', 'sample'), 'epsilon'),
  beta_schedule: defaulted(oneOf('squaredcos_cap_v2'), 'squaredcos_cap_v2'),
})

/**
 * `previous`: where a step ends. 'grid' is the next timestep of the grid, as the unCLIP pipelines have it; 'trained'
 * is t − 1 wherever the grid goes on, as diffusers' `step` does when it is not told `prev_timestep`.
 */
export type UnclipOptions = { readonly begin?: number; readonly previous?: 'grid' | 'trained' }

/**
 * DDPM's posterior on the grid T − 1, …, 0, evenly spaced and rounded, two steps at least. A step of one training
 * timestep takes β as it was trained, not from ᾱ. State: the sample. One draw a step, none at t = 0. Throws
 * `ConfigError`.
 */
export const unclipScheduler = (
  config: SchedulerConfig,
  steps: number,
  { begin = 0, previous = 'grid' }: UnclipOptions = {},
): Scheduler<NoisySample, DdpmCoefficient> => {
  const fields = fieldsOf(unclipFields, config)
  const last = fields.num_train_timesteps - 1
  const n = stepCount(steps, last + 1)
  if (n === 1) throw new ConfigError('steps', steps, [`2 … ${last + 1}`], 'leaves no room for both ends of the grid')
  const grid = Array.from({ length: n }, (_, i) => roundEven((n - 1 - i) * (last / (n - 1))))
  const same = { ...fields, thresholding: false }
  const { betas, alphasCumprod: bars } = forwardProcess(fieldsOf(ddpmFields, same))

  const coefficients = (c: Step<DdpmCoefficient, number>, i: number): Step<DdpmCoefficient, number> => {
    const before = previous === 'trained' ? c.t - 1 : (grid[i + 1] ?? -1)
    const [bar, next] = [bars[c.t]!, bars[before] ?? 1]
    const beta = before === c.t - 1 ? betas[c.t]! : 1 - bar / next
    const small = Math.max(((1 - next) / (1 - bar)) * beta, 1e-20)
    return {
      ...c,
      toClean: (Math.sqrt(next) * beta) / (1 - bar),
      toSample: (Math.sqrt(bar / next) * (1 - next)) / (1 - bar),
      deviation: c.stochastic * Math.sqrt(small),
      logLeast: Math.log(small),
      logMost: Math.log(beta),
    }
  }
  const ddpm = ddpmScheduler(same, n, { timesteps: grid })
  const timesteps = ddpm.timesteps.map(coefficients).slice(begin)
  const drawn = timesteps.map((c) => c.t > 0)
  const start = (x: Tensor, noise: Noise): NoisySample => ({ x, noise: sparing(noise, drawn) })
  return { ...ddpm, timesteps, init: (noise) => start(noise.head, noise.next), start }
}
