/** Trajectory consistency distillation: strategic stochastic sampling. Zheng et al. 2024, algorithm 4. */
import * as t from 'io-ts'
import { ConfigError } from '../errors.ts'
import { sparing, type Noise } from '../tensor/noise.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import type { NoisySample } from './ddpm.ts'
import { distilled, distilledFields, everyFew, givenShare, shareOf, type DistilledOptions } from './lcm.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { stepCount } from './spacing.ts'
import { cleanFrom, demandSignal, forwardProcess, noiseFrom } from './variance-preserving.ts'

/**
 * The fields of a TCDScheduler's config, with diffusers' defaults. Those that keep x₀ in range are read and, as in
 * diffusers, not used.
 */
export const tcdFields = t.type(distilledFields)

/** √ᾱ, √(1 − ᾱ) before the step; the weights of x₀, of ε and of fresh noise after it. */
export type TcdCoefficient = 'alpha' | 'sigma' | 'toClean' | 'direction' | 'deviation'

/** `eta`, the paper's γ, from 0 (deterministic) to 1 (each step falls to t = 0 and is noised again). */
export type TcdOptions = DistilledOptions & { readonly eta?: number }

/**
 * x_s = √ᾱₛ x₀ + √(1 − ᾱₛ) ε with s = ⌊(1 − γ) t'⌋, then x' = √(ᾱ'/ᾱₛ) x_s + √(1 − ᾱ'/ᾱₛ) z; the last step goes to t'
 * = 0. With `originalInferenceSteps` any trained timestep may be visited, not only the distilled ones. State: the
 * sample. No draws when γ = 0, else one for each step but the last. Throws `ConfigError`.
 */
export const tcdScheduler = (
  config: SchedulerConfig,
  steps: number,
  { eta = 0.3, ...options }: TcdOptions = {},
): Scheduler<NoisySample, TcdCoefficient> => {
  const fields = fieldsOf(tcdFields, config)
  if (!(eta >= 0 && eta <= 1)) throw new ConfigError('eta', eta, ['0 … 1'], 'is no share of the noise')
  const { prediction_type: kind } = fields
  const { alphasCumprod: bars } = forwardProcess(fields)
  const { timesteps: hand, strength = 1, originalInferenceSteps: original } = options
  const most = original ?? fields.original_inference_steps
  const available =
    original === undefined
      ? distilled(fields, most, strength)
      : Array.from({ length: Math.floor(bars.length * shareOf(strength)) }, (_, i) => i)
  const grid =
    hand === undefined ? everyFew(available, stepCount(steps, most)) : givenShare(hand, bars.length, strength)
  demandSignal(
    kind,
    grid.slice(options.begin ?? 0).map((at) => bars[at]!),
  )

  const coefficients = (at: number, i: number): Step<TcdCoefficient, number> => {
    const bar = bars[at]!
    const last = i + 1 === grid.length
    const next = last ? 0 : grid[i + 1]!
    // Rounded to float32, in which diffusers takes this product before its floor.
    const between = bars[Math.floor(Math.fround(Math.fround(1 - eta) * next))]!
    const carried = last ? 1 : bars[next]! / between
    return {
      t: at,
      alpha: Math.sqrt(bar),
      sigma: Math.sqrt(1 - bar),
      toClean: Math.sqrt(carried * between),
      direction: Math.sqrt(carried * (1 - between)),
      deviation: Math.sqrt(1 - carried),
    }
  }
  const timesteps = grid.map(coefficients).slice(options.begin ?? 0)
  const drawn = timesteps.map((_, i) => i + 1 < timesteps.length)
  const start = (x: Tensor, noise: Noise): NoisySample => ({ x, noise: eta > 0 ? sparing(noise, drawn) : noise })

  return {
    timesteps,
    initNoiseSigma: 1,
    init: (noise) => start(noise.head, noise.next),
    start,
    input: ({ x }) => x,
    denoised: ({ x }, answer, c) => cleanFrom(kind, x, answer, c),
    step: ({ x, noise }, answer, c) => {
      const clean = cleanFrom(kind, x, answer, c).mul(c.toClean)
      const moved = clean.add(noiseFrom(kind, x, answer, c).mul(c.direction))
      return eta === 0 ? { x: moved, noise } : { x: moved.add(noise.head.mul(c.deviation)), noise: noise.next }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { alpha, sigma }) => x.mul(alpha).add(noise.mul(sigma)),
  }
}
