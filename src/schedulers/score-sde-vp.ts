/** Euler–Maruyama sampling of the variance-preserving SDE. Song et al. 2020, equations 11 and 32. */
import * as t from 'io-ts'
import { defaulted, integer } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import type { Noise } from '../tensor/noise.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { linspace } from './betas.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { endOfTime, type ScoreState } from './score-sde-ve.ts'
import { stepCount } from './spacing.ts'
import { cleanFrom } from './variance-preserving.ts'

/** The fields of a ScoreSdeVpScheduler's config, with diffusers' defaults. */
export const scoreSdeVpFields = t.type({
  num_train_timesteps: defaulted(integer(1), 2000),
  beta_min: defaulted(t.number, 0.1),
  beta_max: defaulted(t.number, 20),
  sampling_eps: defaulted(t.number, 1e-3),
})

/** √ᾱ, √(1 − ᾱ) at t; the weights of x, of ε and of fresh noise after the step. */
export type ScoreSdeVpCoefficient = 'alpha' | 'sigma' | 'kept' | 'against' | 'deviation'

/**
 * x' = (1 + β Δ/2) x − β Δ ε/√(1 − ᾱ) + √(β Δ) z with Δ = 1/n, β(t) = β_min + t (β_max − β_min), ln ᾱ = −½ t² (β_max −
 * β_min) − t β_min, at times evenly from 1 to `sampling_eps`. State: the sample, and the same without the last noise.
 * One draw a step. Throws `ConfigError`.
 */
export const scoreSdeVpScheduler = (
  config: SchedulerConfig,
  steps: number,
): Scheduler<ScoreState, ScoreSdeVpCoefficient> => {
  const { num_train_timesteps: total, beta_min: min, beta_max: max, sampling_eps } = fieldsOf(scoreSdeVpFields, config)
  if (!(min >= 0 && min <= max && max > 0 && max < Infinity))
    throw new ConfigError('beta_min, beta_max', [min, max], ['numbers from 0, the least first'], 'are no betas')
  const n = stepCount(steps, total)
  const coefficients = (time: number): Step<ScoreSdeVpCoefficient, number> => {
    const logBar = -0.5 * time ** 2 * (max - min) - time * min
    const beta = (min + time * (max - min)) / n
    // ᾱ in float32, as the reference has it: near t = 0 its 1 − ᾱ keeps few digits. Where it keeps none the exact one
    // stands in.
    const bar = Math.fround(Math.exp(logBar))
    const sigma = Math.sqrt(1 - bar || -Math.expm1(logBar))
    return {
      t: time,
      alpha: Math.sqrt(bar),
      sigma,
      kept: 1 + beta / 2,
      against: -beta / sigma,
      deviation: Math.sqrt(beta),
    }
  }
  const start = (x: Tensor, noise: Noise): ScoreState => ({ x, mean: x, noise })

  return {
    timesteps: linspace(1, endOfTime(sampling_eps), n).map(coefficients),
    initNoiseSigma: 1,
    init: (noise) => start(noise.head, noise.next),
    start,
    input: ({ x }) => x,
    denoised: ({ x }, eps, c) => cleanFrom('epsilon', x, eps, c),
    step: ({ x, noise }, eps, c) => {
      const mean = x.mul(c.kept).add(eps.mul(c.against))
      return { x: mean.add(noise.head.mul(c.deviation)), mean, noise: noise.next }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { alpha, sigma }) => x.mul(alpha).add(noise.mul(sigma)),
  }
}
