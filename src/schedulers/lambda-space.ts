/** Samples at a level, x = α x₀ + σ ε: what a model's answer says of x₀ and of ε there. Lu et al. 2022b, section 4. */
import { defaulted, oneOf } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import type { Scalar, Tensor } from '../tensor/tensor.ts'
import type { Level } from './lambda-grid.ts'
import { cleanBy } from './sigma-space.ts'
import { cleanFrom, noiseFrom, threshold, type Prediction, type RangeOptions } from './variance-preserving.ts'

/** What a model may predict, with the velocity ε − x₀ of a flow. */
export type LevelPrediction = Prediction | 'flow_prediction'

/** The config field of what a model predicts. */
export const levelPredictionField = {
  prediction_type: defaulted(oneOf('epsilon', 'sample', 'v_prediction', 'flow_prediction'), 'epsilon'),
}

/** Whether a method integrates x₀ or ε. */
export type Form = 'data' | 'noise'

/** The level; and the weights of the sample and of the model's answer in what the method integrates. */
export type LevelCoefficient = 'sigma' | 'alpha' | 'deviation' | 'kept' | 'told'

/** x₀ or ε as `kept` x + `told` · answer. */
export const answerWeights = (
  form: Form,
  kind: LevelPrediction,
  { sigma, alpha, deviation }: Level,
): { readonly [K in LevelCoefficient]: number } => {
  const data = {
    epsilon: { kept: 1 / alpha, told: -deviation / alpha },
    sample: { kept: 0, told: 1 },
    v_prediction: { kept: alpha, told: -deviation },
    flow_prediction: { kept: 1, told: -deviation },
  }
  const noise = {
    epsilon: { kept: 0, told: 1 },
    sample: { kept: 1 / deviation, told: -alpha / deviation },
    v_prediction: { kept: deviation, told: alpha },
    flow_prediction: { kept: 1, told: alpha },
  }
  return { sigma, alpha, deviation, ...(form === 'data' ? data : noise)[kind] }
}

/** Refuses velocities on levels for which they are not defined: v needs α² + σ² = 1, a flow's α + σ = 1. Throws `ConfigError`. */
export const demandVelocity = (kind: LevelPrediction, flow: boolean): void => {
  if (kind === (flow ? 'v_prediction' : 'flow_prediction'))
    throw new ConfigError(
      'prediction_type',
      kind,
      ['epsilon', 'sample', flow ? 'flow_prediction' : 'v_prediction'],
      `is no velocity of these levels (use_flow_sigmas is ${flow})`,
    )
}

type At = { readonly [K in LevelCoefficient]: Scalar }

/** What an answer at a level says: of the clean sample, kept in range; and of what the method integrates. */
export type Answers = {
  readonly clean: (x: Tensor, answer: Tensor, at: At) => Tensor
  readonly integrand: (x: Tensor, answer: Tensor, at: At) => Tensor
}

/** The answers of a config. With thresholding, ε is derived again from the x₀ kept in range. */
export const answersIn = (form: Form, range: Omit<RangeOptions, 'clip_sample' | 'clip_sample_range'>): Answers => {
  const keep = range.thresholding
    ? threshold({ ...range, clip_sample: false, clip_sample_range: 1 })
    : (x: Tensor): Tensor => x
  if (form === 'data') {
    const clean: Answers['clean'] = (x, answer, at) => keep(cleanBy(x, answer, at))
    return { clean, integrand: clean }
  }
  const clean: Answers['clean'] = (x, answer, at) =>
    keep(cleanFrom('epsilon', x, cleanBy(x, answer, at), { alpha: at.alpha, sigma: at.deviation }))
  return {
    clean,
    integrand: range.thresholding
      ? (x, answer, at) => noiseFrom('sample', x, clean(x, answer, at), { alpha: at.alpha, sigma: at.deviation })
      : cleanBy,
  }
}
