/** Improved pseudo numerical methods on a sine schedule of their own. Liu et al. 2022, PNDM; Crowson's v-diffusion. */
import * as t from 'io-ts'
import { defaulted, integer, nullable } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { zeros, type Tensor } from '../tensor/tensor.ts'
import { adamsBashforth, type AdamsBashforth } from './adams-bashforth.ts'
import { linspace } from './betas.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { stepCount } from './spacing.ts'
import { cleanFrom } from './variance-preserving.ts'

/** The fields of an IPNDMScheduler's config, with diffusers' defaults. `trained_betas` are the σ of a run, its end included. */
export const ipndmFields = t.type({
  num_train_timesteps: defaulted(integer(1), 1000),
  trained_betas: defaulted(nullable(t.array(t.number)), null),
})

/** √(1 − σ²), σ; the weights of the sample and of the slope in x'; the slope's of the ε of this step and of those before. */
export type IpndmCoefficient = 'alpha' | 'sigma' | 'kept' | 'told' | keyof AdamsBashforth

/** A sample and the ε of the three steps before, the latest first. */
export type IpndmState = { readonly x: Tensor; readonly ago1: Tensor; readonly ago2: Tensor; readonly ago3: Tensor }

/** σ and α = √(1 − σ²) beside it. */
type Mixture = { readonly alpha: number; readonly sigma: number }
const mixture = (sigma: number): Mixture => ({ alpha: Math.sqrt((1 - sigma) * (1 + sigma)), sigma })

/** σ = sin²(πt/2) of a time from 1 (noise) to 0, rounded to float32, in which networks were told their times; near 1 that tells in α. */
const sineSquared = (time: number): number => {
  const angle = Math.fround(Math.fround(Math.fround(time) * Math.fround(Math.PI)) / 2)
  return Math.fround(Math.fround(Math.sin(angle)) ** 2)
}

/** σ as given by hand, one for every step and one for the end. Only the first may be all noise, which has no slope before it. */
const givenSigmas = (sigmas: readonly number[], steps: number): readonly number[] => {
  const fits = sigmas.length === steps + 1 && sigmas.every((s, i) => s >= 0 && (s < 1 || (s === 1 && i === 0)))
  if (!fits)
    throw new ConfigError(
      'trained_betas',
      sigmas,
      [`${steps + 1} numbers in [0, 1), of which the first may be 1`],
      `is no grid of ${steps} steps`,
    )
  return sigmas
}

/**
 * x' = α' x₀ + σ' ε, x₀ = (x − σ ε)/α, with ε = σ x + α v of the answer v, combined over four steps by Adams & Bashforth, eq. 12. Where the
 * first level is all noise, α = 0, diffusers takes x₀ for 0, and so does this. State: the sample and three ε. No draws. Fourth-order formula, order 2 from its first steps; one model
 * call a step. Throws `ConfigError`.
 */
export const ipndmScheduler = (
  config: SchedulerConfig,
  steps: number,
  { begin = 0 }: { readonly begin?: number } = {},
): Scheduler<IpndmState, IpndmCoefficient> => {
  const { trained_betas } = fieldsOf(ipndmFields, config)
  const n = stepCount(steps, Infinity)
  const sigmas = trained_betas === null ? linspace(1, 0, n + 1).map(sineSquared) : givenSigmas(trained_betas, n)
  const grid = sigmas.map(mixture)
  const coefficients = ({ alpha, sigma }: Mixture, i: number): Step<IpndmCoefficient, number> => {
    const next = grid[i + 1]!
    return {
      t: (Math.atan2(sigma, alpha) / Math.PI) * 2,
      alpha,
      sigma,
      kept: alpha === 0 ? 0 : next.alpha / alpha,
      told: alpha === 0 ? next.sigma : next.sigma - (next.alpha * sigma) / alpha,
      ...adamsBashforth(Math.max(i - begin, 0)),
    }
  }
  const start = (x: Tensor): IpndmState => {
    const none = zeros(x.shape)
    return { x, ago1: none, ago2: none, ago3: none }
  }

  return {
    timesteps: grid.slice(0, -1).map(coefficients).slice(begin),
    initNoiseSigma: 1,
    init: (noise) => start(noise.head),
    start,
    input: ({ x }) => x,
    denoised: ({ x }, answer, c) => cleanFrom('v_prediction', x, answer, c),
    step: ({ x, ago1, ago2, ago3 }, answer, c) => {
      const now = x.mul(c.sigma).add(answer.mul(c.alpha))
      const past = ago1.mul(c.ago1).add(ago2.mul(c.ago2)).add(ago3.mul(c.ago3))
      return { x: x.mul(c.kept).add(now.mul(c.now).add(past).mul(c.told)), ago1: now, ago2: ago1, ago3: ago2 }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { alpha, sigma }) => x.mul(alpha).add(noise.mul(sigma)),
  }
}
