/** Predictor–corrector sampling of the variance-exploding SDE. Song et al. 2020, algorithms 2 and 4. */
import * as t from 'io-ts'
import { defaulted, integer } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import type { Noise } from '../tensor/noise.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { linspace } from './betas.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import type { NoisySample } from './ddpm.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { stepCount } from './spacing.ts'

/** The fields of a ScoreSdeVeScheduler's config, with diffusers' defaults. */
export const scoreSdeVeFields = t.type({
  num_train_timesteps: defaulted(integer(1), 2000),
  snr: defaulted(t.number, 0.15),
  sigma_min: defaulted(t.number, 0.01),
  sigma_max: defaulted(t.number, 1348),
  sampling_eps: defaulted(t.number, 1e-5),
  correct_steps: defaulted(integer(0), 1),
})

/** The weights of the score and of noise in a prediction; whether the step is a correction, which finds its own. */
export type ScoreSdeVeCoefficient = 'towards' | 'deviation' | 'corrects'

/** A sample, the same without the noise that the last step added, and the noise still to be drawn. */
export type ScoreState = NoisySample & { readonly mean: Tensor }

/** Refuses an end of time outside (0, 1]. Throws `ConfigError`. */
export const endOfTime = (end: number): number => {
  if (!(end > 0 && end <= 1)) throw new ConfigError('sampling_eps', end, ['above 0, at most 1'], 'is no end of time')
  return end
}

const meanNorm = (x: Tensor): Tensor => x.reshape(x.shape[0]!, -1).square().sum(1).sqrt().mean()

/** Langevin's step size 2 (r ‖z‖/‖score‖)², norms averaged over the batch; 0 where the score is. Algorithm 4. */
const langevin = (score: Tensor, z: Tensor, snr: number): Tensor => {
  const norm = meanNorm(score)
  const ratio = meanNorm(z).div(norm.max(1e-12)).mul(snr)
  return norm.gt(1e-12).where(ratio.square().mul(2), 0)
}

/**
 * A prediction is x' = x + (σ² − σ'²) s + √(σ² − σ'²) z along levels spaced evenly in ln σ, the last of them to σ' =
 * 0; before it come `correct_steps` corrections x' = x + h s + √(2h) z, h = 2 (snr ‖z‖/‖s‖)². Every one is a model
 * call for the score s, told σ(t) = σ_min (σ_max/σ_min)^t at times from 1 to `sampling_eps`. The norms are means over
 * the batch, so that samples of a batch depend on each other. State: the sample and its mean, which is the cleaner
 * end. One draw a call. Throws `ConfigError`.
 */
export const scoreSdeVeScheduler = (
  config: SchedulerConfig,
  steps: number,
): Scheduler<ScoreState, ScoreSdeVeCoefficient> => {
  const {
    num_train_timesteps: total,
    snr,
    sigma_min: min,
    sigma_max: max,
    ...fields
  } = fieldsOf(scoreSdeVeFields, config)
  if (!(min > 0 && min <= max && max < Infinity))
    throw new ConfigError('sigma_min, sigma_max', [min, max], ['numbers above 0, the least first'], 'are no levels')
  if (!(snr >= 0 && snr < Infinity)) throw new ConfigError('snr', snr, ['a finite number from 0'], 'is no ratio')
  const end = endOfTime(fields.sampling_eps)
  const n = stepCount(steps, total)
  const levels = linspace(Math.log(min), Math.log(max), n).map(Math.exp)

  const pair = (time: number, i: number): readonly Step<ScoreSdeVeCoefficient, number>[] => {
    // ⌊(n − 1) t⌋ for t = 1 − i (1 − end)/(n − 1), without its rounding errors.
    const at = n === 1 ? 0 : n - 1 - i + Math.floor(i * end)
    const variance = levels[at]! ** 2 - (levels[at - 1] ?? 0) ** 2
    const told = min * (max / min) ** time
    return [
      ...Array.from({ length: fields.correct_steps }, () => ({ t: told, towards: 0, deviation: 0, corrects: 1 })),
      { t: told, towards: variance, deviation: Math.sqrt(variance), corrects: 0 },
    ]
  }
  const start = (x: Tensor, noise: Noise): ScoreState => ({ x, mean: x, noise })

  return {
    timesteps: linspace(1, end, n).flatMap(pair),
    initNoiseSigma: max,
    init: (noise) => start(noise.head.mul(max), noise.next),
    start,
    input: ({ x }) => x,
    denoised: ({ x }, score, c) => x.add(score.mul(c.t).mul(c.t)),
    step: ({ x, noise }, score, c) => {
      const h = langevin(score, noise.head, snr).mul(c.corrects)
      const mean = x.add(score.mul(h.add(c.towards)))
      return { x: mean.add(noise.head.mul(h.mul(2).sqrt().add(c.deviation))), mean, noise: noise.next }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { t: sigma }) => x.add(noise.mul(sigma)),
  }
}
