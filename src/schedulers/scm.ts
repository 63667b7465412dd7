/** Continuous-time consistency models over trigonometric paths (TrigFlow). Lu & Song 2024, algorithm 2. */
import * as t from 'io-ts'
import { defaulted, integer, oneOf } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import type { NoisySample } from './ddpm.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { stepCount } from './spacing.ts'

/** The fields of an SCMScheduler's config, with diffusers' defaults. */
export const scmFields = t.type({
  num_train_timesteps: defaulted(integer(1), 1000),
  prediction_type: defaulted(oneOf('trigflow'), 'trigflow'),
  sigma_data: defaulted(t.number, 0.5),
})

/** cos t, sin t; the weights of x₀ and of fresh noise after the step. */
export type ScmCoefficient = 'cos' | 'sin' | 'toClean' | 'deviation'

/**
 * Angles by hand, descending, the final one included; or where to start (`maxTimestep`) and, for two steps, where to
 * stop between: 1.3 unless given, and halfway where it is null.
 */
export type ScmOptions = {
  readonly timesteps?: readonly number[]
  readonly maxTimestep?: number
  readonly intermediateTimestep?: number | null
  readonly begin?: number
}

// π/2 as the released models round it.
const rightAngle = 1.5708

const given = (angles: readonly number[]): readonly number[] => {
  const fits = angles.every((a, i) => a >= 0 && a <= rightAngle && (i === 0 || a < angles[i - 1]!))
  if (angles.length < 2 || !fits)
    throw new ConfigError(
      'timesteps',
      angles,
      [`two or more numbers descending from at most ${rightAngle} to at least 0`],
      'are no angles',
    )
  return angles
}

/** n + 1 angles, from the noisiest to the final one. Throws `ConfigError`. */
const angles = (steps: number, total: number, o: ScmOptions): readonly number[] => {
  const { timesteps, maxTimestep: max = rightAngle, intermediateTimestep: between } = o
  if (timesteps !== undefined) {
    if (o.maxTimestep !== undefined)
      throw new ConfigError('maxTimestep', max, ['timesteps or maxTimestep'], 'comes with timesteps')
    return given(timesteps)
  }
  const n = stepCount(steps, total)
  if (between !== undefined && between !== null && n !== 2)
    throw new ConfigError('intermediateTimestep', between, ['null', '2 steps'], `is not for ${n} steps`)
  if (!(max > 0))
    throw new ConfigError('maxTimestep', max, [`above 0, at most ${rightAngle}`], 'is no angle to start from')
  if (n !== 2 || between === null) return given(Array.from({ length: n + 1 }, (_, i) => max * (1 - i / n)))
  const stop = between ?? 1.3
  if (!(stop > 0 && stop < max))
    throw new ConfigError('intermediateTimestep', stop, ['null', `between 0 and ${max}`], 'is not on the way')
  return given([max, stop, 0])
}

/**
 * x₀ = cos t · x − sin t · F; x' = cos t' · x₀ + sin t' · σ_d z, t from π/2 (noise) to 0 (data). State: the sample.
 * One draw a step; one that ends at t' = 0 weighs 0. Throws `ConfigError`.
 */
export const scmScheduler = (
  config: SchedulerConfig,
  steps: number,
  options: ScmOptions = {},
): Scheduler<NoisySample, ScmCoefficient> => {
  const { num_train_timesteps, sigma_data: data } = fieldsOf(scmFields, config)
  const grid = angles(steps, num_train_timesteps, options)
  const coefficients = (at: number, i: number): Step<ScmCoefficient, number> => ({
    t: at,
    cos: Math.cos(at),
    sin: Math.sin(at),
    toClean: Math.cos(grid[i + 1]!),
    deviation: data * Math.sin(grid[i + 1]!),
  })

  return {
    timesteps: grid
      .slice(0, -1)
      .map(coefficients)
      .slice(options.begin ?? 0),
    initNoiseSigma: 1,
    init: (noise) => ({ x: noise.head, noise: noise.next }),
    start: (x, noise) => ({ x, noise }),
    input: ({ x }) => x,
    denoised: ({ x }, answer, c) => x.mul(c.cos).sub(answer.mul(c.sin)),
    step: ({ x, noise }, answer, c) => {
      const clean = x.mul(c.cos).sub(answer.mul(c.sin))
      return { x: clean.mul(c.toClean).add(noise.head.mul(c.deviation)), noise: noise.next }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { cos, sin }) => x.mul(cos).add(noise.mul(sin).mul(data)),
  }
}
