/** SA-Solver: stochastic Adams methods, a predictor and a corrector. Xue, Yi, Luo, Zhang, Sun, Li & Ma 2023. */
import * as t from 'io-ts'
import { defaulted, oneOf } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import type { Noise } from '../tensor/noise.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import { lambdaFields, lambdaGrid } from './lambda-grid.ts'
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
import { forwardProcess } from './variance-preserving.ts'

/** The fields of a SASolverScheduler's config, with diffusers' defaults. A `tau_func` is no data: give the option `tau`. */
export const saSolverFields = t.type({
  ...multistepFields,
  predictor_order: defaulted(oneOf(1, 2, 3, 4), 2),
  corrector_order: defaulted(oneOf(1, 2, 3, 4), 2),
  algorithm_type: defaulted(oneOf('data_prediction', 'noise_prediction'), 'data_prediction'),
  tau_func: defaulted(oneOf(null), null),
  lambda_min_clipped: lambdaFields.lambda_min_clipped,
  variance_type: lambdaFields.variance_type,
})

/** The level and what the answer says there, the weights of corrector and predictor, and of sample and noise in `addNoise`. */
export type SaSolverCoefficient = LevelCoefficient | CorrectorCoefficient | 'signal' | 'noised'

/** A prediction, and the stream that noise is drawn from. */
export type SaSolverState = PredictedState & { readonly noise: Noise }

/**
 * `tau`: how stochastic the step from a label is, 0 the ODE and 1 the SDE of training. Timesteps given by hand; how many steps to leave out.
 * `addNoiseAt`: whether `addNoise` mixes by the level of the step, or by the label's training step as diffusers does, which is another
 * level on the named grids and no level at all of a flow.
 */
export type SaSolverOptions = {
  readonly tau?: (t: number) => number
  readonly timesteps?: readonly number[]
  readonly begin?: number
  readonly addNoiseAt?: 'level' | 'label'
}

/** τ of diffusers: 1 for labels from 200 to 800, else 0. */
const middle = (label: number): number => (label >= 200 && label <= 800 ? 1 : 0)

/**
 * Adams–Bashforth through `predictor_order` answers, then Adams–Moulton through `corrector_order` with the next one, under the same noise
 * (section 5), of x₀ or of ε as `algorithm_type` says. Of x₀, two answers are weighed as by UniPC's B(h) = h. Warm-up and, with
 * `lower_order_final`, the last steps are of lower order. With a learned variance only the mean is read. State: the sample, the
 * corrector's part, earlier answers, the stream. One draw a step, also where τ = 0. One model call a step. Throws `ConfigError`.
 */
export const saSolverScheduler = (
  config: SchedulerConfig,
  steps: number,
  { tau = middle, begin = 0, addNoiseAt = 'level', ...given }: SaSolverOptions = {},
): Scheduler<SaSolverState, SaSolverCoefficient> => {
  const fields = fieldsOf(saSolverFields, config)
  const { prediction_type: kind, predictor_order, corrector_order } = fields
  demandVelocity(kind, fields.use_flow_sigmas)
  const form = fields.algorithm_type === 'data_prediction' ? 'data' : 'noise'
  if (kind === 'flow_prediction' && form === 'noise')
    throw new ConfigError('algorithm_type', fields.algorithm_type, ['data_prediction'], 'is not for flow_prediction')
  const { timesteps: labels, levels } = lambdaGrid(steps, fields, given, { repeatsLast: true })
  const { alphasCumprod: bars } = forwardProcess(fields)
  const n = labels.length
  const plans = labels.map((label, i) => {
    const done = Math.max(i - begin, 0)
    const left = fields.lower_order_final ? n - i : Infinity
    const share = tau(label)
    if (!(share >= 0 && share < Infinity))
      throw new ConfigError('tau', share, ['finite numbers from 0'], `is no share of the noise at ${label}`)
    return {
      predictor: Math.min(predictor_order, done + 1, left),
      corrector: Math.min(corrector_order - 1, done + 1, left),
      corrects: i > begin,
      tau: share,
      slope: form === 'data' ? ('bh1' as const) : undefined,
    }
  })
  const coefficients = correctorCoefficients(form, levels, plans)
  const { clean, integrand } = answersIn(form, fields)
  const window = Math.max(predictor_order, corrector_order - 1)
  const mean = (x: Tensor, answer: Tensor): Tensor =>
    fields.variance_type !== null && kind === 'epsilon' ? answer.slice(1, 0, x.shape[1]) : answer
  const start = (x: Tensor, noise: Noise): SaSolverState => ({ ...unanswered(x, window), noise })

  return {
    timesteps: labels
      .map((label, i) => {
        const { alpha, deviation } = levels[i]!
        const bar = bars[label] ?? 0
        const [signal, noised] = addNoiseAt === 'level' ? [alpha, deviation] : [Math.sqrt(bar), Math.sqrt(1 - bar)]
        return { t: label, ...answerWeights(form, kind, levels[i]!), ...coefficients[i]!, signal, noised }
      })
      .slice(begin),
    initNoiseSigma: 1,
    init: (noise) => start(noise.head, noise.next),
    start,
    input: ({ x }) => x,
    denoised: ({ x }, answer, c) => clean(x, mean(x, answer), c),
    step: (state, answer, c) => ({
      ...correctAndPredict(state, integrand(state.x, mean(state.x, answer), c), c, state.noise.head),
      noise: state.noise.next,
    }),
    output: ({ x }) => x,
    addNoise: (x, noise, { signal, noised }) => x.mul(signal).add(noise.mul(noised)),
  }
}
