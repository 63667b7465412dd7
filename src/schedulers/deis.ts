/** Diffusion exponential integrator sampler, multistep in ln ρ = −λ. Zhang & Chen 2022. */
import * as t from 'io-ts'
import { defaulted, oneOf, respelled } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { zeros, type Tensor } from '../tensor/tensor.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import { exponentialStep } from './exponential-adams.ts'
import { lambdaGrid } from './lambda-grid.ts'
import { answersIn, answerWeights, demandVelocity, type LevelCoefficient } from './lambda-space.ts'
import { addWeighted, multistepFields, namedWeights, type AnswerWeight } from './multistep.ts'
import type { Scheduler, Step } from './scheduler.ts'

/** Names that configs of other solvers bring along count as DEIS's own. */
const orElse =
  (own: string, ...others: readonly string[]) =>
  (u: unknown): unknown =>
    others.some((other) => other === u) ? own : u

/** The fields of a DEISMultistepScheduler's config, with diffusers' defaults. */
export const deisFields = t.type({
  ...multistepFields,
  solver_order: defaulted(oneOf(1, 2, 3), 2),
  algorithm_type: defaulted(respelled(oneOf('deis'), orElse('deis', 'dpmsolver', 'dpmsolver++')), 'deis'),
  solver_type: defaulted(respelled(oneOf('logrho'), orElse('logrho', 'midpoint', 'heun', 'bh1', 'bh2')), 'logrho'),
  use_dynamic_shifting: defaulted(t.boolean, false),
  time_shift_type: defaulted(oneOf('exponential'), 'exponential'),
})

/** The level and what the answer says there; the weights of the sample and of ε, the latest first. */
export type DeisCoefficient = LevelCoefficient | 'carry' | Exclude<AnswerWeight, 'ago3'>

/** A sample and the ε of up to `solver_order` − 1 steps before, the latest first. */
export type DeisState = { readonly x: Tensor; readonly past: readonly Tensor[] }

/** Timesteps given by hand; how many steps to leave out; `mu`, the logarithm of the flow's shift where `use_dynamic_shifting`. */
export type DeisOptions = { readonly timesteps?: readonly number[]; readonly begin?: number; readonly mu?: number }

/**
 * x' = α' (x/α + Σⱼ cⱼ εᵢ₋ⱼ), cⱼ = ∫ from ρ to ρ' of the Lagrange polynomials in ln ρ through ρᵢ, ρᵢ₋₁, … (eq. 15), ρ = σ/α. That integral
 * is ∫ e^(−λ) of the polynomials in λ, which is taken without cancellation, so that order 3 converges on any grid. Order 1 is DDIM. With fewer
 * than 15 steps and `lower_order_final`, the last two are of order 2 and 1. State: the sample and up to two ε. No draws. Throws
 * `ConfigError`.
 */
export const deisScheduler = (
  config: SchedulerConfig,
  steps: number,
  { mu, begin = 0, ...given }: DeisOptions = {},
): Scheduler<DeisState, DeisCoefficient> => {
  const fields = fieldsOf(deisFields, config)
  const { prediction_type: kind, use_flow_sigmas: flow, solver_order: most } = fields
  demandVelocity(kind, flow)
  if (mu !== undefined && !fields.use_dynamic_shifting)
    throw new ConfigError('mu', mu, ['undefined', 'use_dynamic_shifting true'], 'shifts no grid of this config,')
  const { use_dynamic_shifting: _, ...shape } = fields
  const grid = { ...shape, flow_shift: mu === undefined ? fields.flow_shift : Math.exp(mu) }
  const { timesteps: labels, levels } = lambdaGrid(steps, grid, given, { repeatsLast: true })
  const n = labels.length
  const lowers = fields.lower_order_final && n < 15

  const coefficients = (label: number, i: number): Step<DeisCoefficient, number> => {
    const order = Math.max(Math.min(most, i - begin + 1, lowers ? n - i : most), 1)
    const at = Array.from({ length: order }, (_, j) => levels[i - j]!)
    const { carry, weights } = exponentialStep('noise', levels[i]!, levels[i + 1]!, at)
    const { now, ago1, ago2 } = namedWeights(weights)
    return { t: label, ...answerWeights('noise', kind, levels[i]!), carry, now, ago1, ago2 }
  }
  const { clean, integrand } = answersIn('noise', fields)
  const start = (x: Tensor): DeisState => ({ x, past: Array.from({ length: most - 1 }, () => zeros(x.shape)) })

  return {
    timesteps: labels.map(coefficients).slice(begin),
    initNoiseSigma: 1,
    init: (noise) => start(noise.head),
    start,
    input: ({ x }) => x,
    denoised: ({ x }, answer, c) => clean(x, answer, c),
    step: ({ x, past }, answer, c) => {
      const answers = [integrand(x, answer, c), ...past]
      return { x: addWeighted(x.mul(c.carry), answers, { ...c, ago3: 0 }), past: answers.slice(0, most - 1) }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { alpha, deviation }) => x.mul(alpha).add(noise.mul(deviation)),
  }
}
