/** What linear multistep methods of exponential integrators share: config fields, and weighted sums of kept answers. */
import * as t from 'io-ts'
import { defaulted } from '../core/config.ts'
import type { Scalar, Tensor } from '../tensor/tensor.ts'
import { betaFields, rangeFields } from './config.ts'
import { lambdaFields } from './lambda-grid.ts'
import { levelPredictionField } from './lambda-space.ts'
import { sigmaFields } from './sigma-grid.ts'

/** Config fields of every one of them. */
export const multistepFields = {
  ...betaFields('linear', 'scaled_linear', 'squaredcos_cap_v2'),
  ...levelPredictionField,
  thresholding: rangeFields.thresholding,
  dynamic_thresholding_ratio: rangeFields.dynamic_thresholding_ratio,
  sample_max_value: rangeFields.sample_max_value,
  lower_order_final: defaulted(t.boolean, true),
  ...sigmaFields,
  use_flow_sigmas: lambdaFields.use_flow_sigmas,
  flow_shift: lambdaFields.flow_shift,
  timestep_spacing: lambdaFields.timestep_spacing,
  steps_offset: lambdaFields.steps_offset,
}

/** Weights of the answers, the latest first. */
export type AnswerWeight = 'now' | 'ago1' | 'ago2' | 'ago3'

/** Weights by name; those that a step does not use are 0. */
export const namedWeights = ([now = 0, ago1 = 0, ago2 = 0, ago3 = 0]: readonly number[]): {
  readonly [K in AnswerWeight]: number
} => ({ now, ago1, ago2, ago3 })

/** x + Σ wⱼ fⱼ over the answers there are, the latest first. */
export const addWeighted = (
  x: Tensor,
  answers: readonly Tensor[],
  { now, ago1, ago2, ago3 }: { readonly [K in AnswerWeight]: Scalar },
): Tensor => {
  const weights = [now, ago1, ago2, ago3]
  return answers.reduce((sum, answer, j) => sum.add(answer.mul(weights[j]!)), x)
}
