/** Heun's method with churn for networks of a variance-exploding process. Karras et al. 2022, algorithm 2 and table 1, column VE. */
import * as t from 'io-ts'
import { defaulted } from '../core/config.ts'
import { sparing, type Noise } from '../tensor/noise.ts'
import { zeros, type Scalar, type Tensor } from '../tensor/tensor.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import { demandPositive } from './edm.ts'
import { heunStep, heunWeights, type HeunState } from './heun.ts'
import { beginning, calls, type Call } from './pairs.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { exponentialSigmas } from './sigmas.ts'
import { stepCount } from './spacing.ts'

/** The fields of a KarrasVeScheduler's config, with diffusers' defaults. */
export const karrasVeFields = t.type({
  sigma_min: defaulted(t.number, 0.02),
  sigma_max: defaulted(t.number, 100),
  s_noise: defaulted(t.number, 1.007),
  s_churn: defaulted(t.number, 80),
  s_min: defaulted(t.number, 0.05),
  s_max: defaulted(t.number, 50),
})

/** σ of the grid; the noise churned in; the weight of the answer in x₀; 1/σ̂, or 1/σ' at the end; and Heun's weights. */
export type KarrasVeCoefficient = 'sigma' | 'churn' | 'told' | 'inverse' | 'here' | 'there' | 'before' | 'advance'

/** A sample, where its step started, the slope there, and the noise still to be drawn. */
export type KarrasVeState = HeunState & { readonly noise: Noise }

/**
 * x̂ = x + s √(σ̂² − σ²) z with σ̂ = σ (1 + γ), γ = min(churn/n, √2 − 1) between the churn levels, else 0; then a Heun step from σ̂
 * to σ' along d = (x − x₀)/σ, x₀ = x + (σ²/2) F((x + 1)/2, σ/2), where the network F sees pictures in [0, 1]; the last step, to
 * σ = 0, is Euler's. As in diffusers the levels are spaced evenly in ln σ from σ_max² to σ_min², and the starting noise has the
 * deviation σ_max. State: see `KarrasVeState`. One draw a step. Order 2, two model calls a step. Throws `ConfigError`.
 */
export const karrasVeScheduler = (
  config: SchedulerConfig,
  steps: number,
  { begin }: { readonly begin?: number } = {},
): Scheduler<KarrasVeState, KarrasVeCoefficient> => {
  const fields = fieldsOf(karrasVeFields, config)
  demandPositive(fields, 'sigma_min', 'sigma_max')
  const n = stepCount(steps, Infinity)
  const sigmas = [...exponentialSigmas(fields.sigma_max ** 2, fields.sigma_min ** 2, n), 0]
  const hatOf = (sigma: number): number => {
    const within = sigma >= fields.s_min && sigma <= fields.s_max
    return sigma * (1 + (within ? Math.min(fields.s_churn / n, Math.SQRT2 - 1) : 0))
  }
  const coefficients = (call: Call): Step<KarrasVeCoefficient, number> => {
    const [from, to] = [sigmas[call.step]!, sigmas[call.step + 1]!]
    const hat = hatOf(from)
    const level = call.second ? to : hat
    return {
      t: level / 2,
      sigma: call.second ? to : from,
      churn: call.second ? 0 : fields.s_noise * Math.sqrt(hat * hat - from * from),
      told: (level * level) / 2,
      inverse: 1 / level,
      ...heunWeights(call, to - hat),
    }
  }
  const pairs = calls(n)
  const drawn = pairs.map(({ second }) => !second).slice(begin)
  const churned = ({ x, noise }: KarrasVeState, c: { readonly churn: Scalar }): Tensor => x.add(noise.head.mul(c.churn))
  const denoised = (state: KarrasVeState, answer: Tensor, c: Step<KarrasVeCoefficient, Scalar>): Tensor =>
    churned(state, c).add(answer.mul(c.told))
  const start = (x: Tensor, noise: Noise): KarrasVeState => ({
    x,
    from: x,
    slope: zeros(x.shape),
    noise: sparing(noise, drawn),
  })

  return {
    timesteps: pairs.map(coefficients).slice(beginning(begin)),
    initNoiseSigma: fields.sigma_max,
    init: (noise) => start(noise.head.mul(fields.sigma_max), noise.next),
    start,
    input: (state, c) => churned(state, c).add(1).div(2),
    denoised,
    step: (state, answer, c) => {
      const x = churned(state, c)
      const slope = x.sub(denoised(state, answer, c)).mul(c.inverse)
      return { ...heunStep({ ...state, x }, slope, c), noise: state.noise.next }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { sigma }) => x.add(noise.mul(sigma)),
  }
}
