/** DPM-Solver and DPM-Solver++, multistep, along the ODE or the SDE. Lu et al. 2022a, 2022b. */
import * as t from 'io-ts'
import type { Noise } from '../tensor/noise.ts'
import { zeros, type Scalar, type Tensor } from '../tensor/tensor.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import { dpmStepsFields, formOf, meanOf, shiftFields, shiftOf, type DpmAgreement } from './dpm-config.ts'
import { multistepStep, type Solver } from './dpm-weights.ts'
import { lambdaFields, lambdaGrid, type LambdaGrid } from './lambda-grid.ts'
import { answersIn, answerWeights, type LevelCoefficient } from './lambda-space.ts'
import { addWeighted, namedWeights, type AnswerWeight } from './multistep.ts'
import type { Scheduler, Step } from './scheduler.ts'
import type { SigmaOptions } from './sigma-grid.ts'
import type { RangeOptions } from './variance-preserving.ts'

/** The fields of a DPMSolverMultistepScheduler's config, with diffusers' defaults. */
export const dpmMultistepFields = t.type({
  ...dpmStepsFields,
  ...shiftFields,
  use_lu_lambdas: lambdaFields.use_lu_lambdas,
  final_sigmas_type: lambdaFields.final_sigmas_type,
  rescale_betas_zero_snr: lambdaFields.rescale_betas_zero_snr,
})

/**
 * The level and what the answer says there; the weights of the sample, of the answers (the latest first) and of fresh
 * noise.
 */
export type DpmCoefficient = LevelCoefficient | 'carry' | 'fresh' | Exclude<AnswerWeight, 'ago3'>

/**
 * A sample, what `solver_order` − 1 answers before said (x₀ or ε, the latest first), and the noise still to be drawn.
 */
export type DpmState = { readonly x: Tensor; readonly past: readonly Tensor[]; readonly noise: Noise }

/**
 * Timesteps or levels given by hand, where to begin; `mu`, the logarithm of the flow's shift where
 * `use_dynamic_shifting`.
 */
export type DpmOptions = SigmaOptions & { readonly mu?: number }

/** What of a config determines the steps on a grid. */
export type DpmMethod = DpmAgreement &
  Omit<RangeOptions, 'clip_sample' | 'clip_sample_range'> & {
    readonly solver_type: Solver
    readonly lower_order_final: boolean
    readonly euler_at_final: boolean
  }

/** The multistep method on a grid, in whichever direction it runs. Throws `ConfigError` where fields do not agree. */
export const dpmOnGrid = (
  fields: DpmMethod,
  { timesteps: labels, levels }: LambdaGrid,
  begin = 0,
): Scheduler<DpmState, DpmCoefficient> => {
  const { algorithm_type: algorithm, solver_order: most } = fields
  const form = formOf(fields)
  const stochastic = algorithm.startsWith('sde')
  const n = labels.length
  const lowers = fields.lower_order_final && n < 15
  const orderAt = (i: number): number => {
    const end = i === n - 1 && (fields.euler_at_final || fields.final_sigmas_type === 'zero') ? 1 : most
    return Math.max(Math.min(most, i - begin + 1, lowers ? n - i : most, end), 1)
  }
  const coefficients = (label: number, i: number): Step<DpmCoefficient, number> => {
    const past = Array.from({ length: orderAt(i) }, (_, j) => levels[i - j]!)
    const { carry, answers, fresh } = multistepStep(algorithm, fields.solver_type, past, levels[i + 1]!)
    const { now, ago1, ago2 } = namedWeights(answers)
    return { t: label, ...answerWeights(form, fields.prediction_type, levels[i]!), carry, now, ago1, ago2, fresh }
  }
  const { clean, integrand } = answersIn(form, fields)
  const mean = meanOf(fields.variance_type)
  const start = (x: Tensor, noise: Noise): DpmState => ({
    x,
    past: Array.from({ length: most - 1 }, () => zeros(x.shape)),
    noise,
  })

  return {
    timesteps: labels.map(coefficients).slice(begin),
    initNoiseSigma: 1,
    init: (noise) => start(noise.head, noise.next),
    start,
    input: ({ x }) => x,
    denoised: ({ x }, answer, c) => clean(x, mean(x, answer), c),
    step: ({ x, past, noise }, answer, c: Step<DpmCoefficient, Scalar>) => {
      const answers = [integrand(x, mean(x, answer), c), ...past]
      const moved = addWeighted(x.mul(c.carry), answers, { ...c, ago3: 0 })
      const next = { past: answers.slice(0, most - 1) }
      return stochastic
        ? { x: moved.add(noise.head.mul(c.fresh)), ...next, noise: noise.next }
        : { x: moved, ...next, noise }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { alpha, deviation }) => x.mul(alpha).add(noise.mul(deviation)),
  }
}

/**
 * x' = carry x + Σⱼ wⱼ fᵢ₋ⱼ + fresh z, f = ε (dpmsolver, Lu et al. 2022a) or x₀ (dpmsolver++, 2022b), with weights from
 * the Taylor expansion of the exponential integral in λ (`multistepStep`). Order 1 is DDIM, and η = 1 of it for
 * sde-dpmsolver++. Warm-up steps have as many answers as there are; with fewer than 15 steps and `lower_order_final`
 * the last two are of order 2 and 1; the last is of order 1 with `euler_at_final` or a final level of zero.
 * sde-dpmsolver has no order 3. State: the sample, `solver_order` − 1 answers, the noise. One draw a step of the SDE,
 * none of the ODE. Throws `ConfigError`, also where v_prediction meets flow levels or flow_prediction others.
 */
export const dpmMultistepScheduler = (
  config: SchedulerConfig,
  steps: number,
  { mu, ...given }: DpmOptions = {},
): Scheduler<DpmState, DpmCoefficient> => {
  const fields = fieldsOf(dpmMultistepFields, config)
  const rounded = fields.beta_schedule === 'squaredcos_cap_v2' ? [] : (['use_karras_sigmas', 'use_lu_lambdas'] as const)
  const grid = lambdaGrid(steps, { ...fields, flow_shift: shiftOf(fields, mu) }, given, { rounded })
  return dpmOnGrid(fields, grid, given.begin)
}
