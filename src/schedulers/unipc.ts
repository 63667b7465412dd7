/** UniPC: a unified predictor and corrector. Zhao, Bai, Rao, Zhou & Lu 2023. */
import * as t from 'io-ts'
import { defaulted, integer, nullable, oneOf, respelled } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import { lambdaFields } from './lambda-grid.ts'
import { answersIn, answerWeights, demandVelocity, type LevelCoefficient } from './lambda-space.ts'
import { multistepFields } from './multistep.ts'
import {
  correctAndPredict,
  correctorCoefficients,
  unanswered,
  type CorrectorCoefficient,
  type PredictedState,
} from './predictor-corrector.ts'
import type { Scheduler } from './scheduler.ts'
import { sigmaEndFields } from './sigma-grid.ts'
import { unipcGrid, type UnipcGridOptions } from './unipc-grid.ts'

/** The fields of a UniPCMultistepScheduler's config, with diffusers' defaults. Solver types of DPM-Solver and DEIS count as bh2. */
export const unipcFields = t.type({
  ...multistepFields,
  ...sigmaEndFields,
  solver_order: defaulted(oneOf(1, 2, 3, 4), 2),
  predict_x0: defaulted(t.boolean, true),
  solver_type: defaulted(
    respelled(oneOf('bh1', 'bh2'), (u) => (u === 'midpoint' || u === 'heun' || u === 'logrho' ? 'bh2' : u)),
    'bh2',
  ),
  disable_corrector: defaulted(t.array(integer()), []),
  solver_p: defaulted(oneOf(null), null),
  rescale_betas_zero_snr: lambdaFields.rescale_betas_zero_snr,
  use_dynamic_shifting: defaulted(t.boolean, false),
  time_shift_type: defaulted(oneOf('exponential', 'linear'), 'exponential'),
  shift_terminal: defaulted(nullable(t.number), null),
})

/** The level and what the answer says there, and the weights of corrector and predictor; `fresh` is always 0. */
export type UnipcCoefficient = LevelCoefficient | CorrectorCoefficient

/**
 * Predictor of order p through p answers, corrector of order p + 1 through the next one too (section 3), of x₀ or, without `predict_x0`, of
 * ε. B(h) matters only where two answers give a slope: predictors of order 2, correctors of order 1 + 1. `disable_corrector` lists the steps
 * after which the sample is left as predicted. Warm-up and, with `lower_order_final`, the last steps are of lower order; a last step to
 * σ = 0 is of order 1 in any case, which is x₀ as the model last told it. Thresholding is for `predict_x0` alone, as in diffusers. State:
 * the sample, the corrector's part, `solver_order` − 1 answers. No draws. Order p + 1, one model call a step. Throws `ConfigError`.
 */
export const unipcScheduler = (
  config: SchedulerConfig,
  steps: number,
  options: UnipcGridOptions = {},
): Scheduler<PredictedState, UnipcCoefficient> => {
  const fields = fieldsOf(unipcFields, config)
  const { prediction_type: kind, solver_order: most, predict_x0, disable_corrector: disabled } = fields
  demandVelocity(kind, fields.use_flow_sigmas)
  if (kind === 'flow_prediction' && !predict_x0)
    throw new ConfigError('predict_x0', false, ['true'], 'is not for flow_prediction')
  const form = predict_x0 ? 'data' : 'noise'
  const { timesteps: labels, levels } = unipcGrid(steps, fields, options)
  const begin = options.begin ?? 0
  const plans = labels.map((_, i) => {
    const left = fields.lower_order_final ? labels.length - i : most
    const order = Math.max(Math.min(most, i - begin + 1, left), 1)
    const corrects = i > begin && !disabled.includes(i - 1)
    return { predictor: order, corrector: order, corrects, slope: fields.solver_type }
  })
  const coefficients = correctorCoefficients(form, levels, plans)
  const { clean, integrand } = answersIn(form, { ...fields, thresholding: fields.thresholding && predict_x0 })

  return {
    timesteps: labels
      .map((label, i) => ({ t: label, ...answerWeights(form, kind, levels[i]!), ...coefficients[i]! }))
      .slice(begin),
    initNoiseSigma: 1,
    init: (noise) => unanswered(noise.head, most),
    start: (x) => unanswered(x, most),
    input: ({ x }) => x,
    denoised: ({ x }, answer, c) => clean(x, answer, c),
    step: (state, answer, c) => correctAndPredict(state, integrand(state.x, answer, c), c),
    output: ({ x }) => x,
    addNoise: (x, noise, { alpha, deviation }) => x.mul(alpha).add(noise.mul(deviation)),
  }
}
