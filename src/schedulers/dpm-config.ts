/** What configs of the DPM-Solver classes share: fields, and which of them agree. */
import * as t from 'io-ts'
import { defaulted, oneOf, respelled } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Algorithm } from './dpm-weights.ts'
import { lambdaFields } from './lambda-grid.ts'
import { demandVelocity, type Form, type LevelPrediction } from './lambda-space.ts'
import { multistepFields } from './multistep.ts'

/** Names that configs of other solvers bring along count as a solver's own. */
const orElse =
  (own: string, ...others: readonly string[]) =>
  (u: unknown): unknown =>
    others.some((other) => other === u) ? own : u

/** The algorithms, of which a class may lack some. */
export const algorithmField = <const A extends readonly Algorithm[]>(...algorithms: A) => ({
  algorithm_type: defaulted(respelled(oneOf(...algorithms), orElse('dpmsolver++', 'deis')), 'dpmsolver++'),
})

const { timestep_spacing, steps_offset, ...shared } = multistepFields

/** Config fields of every one of them. */
export const dpmFields = {
  ...shared,
  solver_order: defaulted(oneOf(1, 2, 3), 2),
  solver_type: defaulted(respelled(oneOf('midpoint', 'heun'), orElse('midpoint', 'logrho', 'bh1', 'bh2')), 'midpoint'),
  lambda_min_clipped: lambdaFields.lambda_min_clipped,
  variance_type: lambdaFields.variance_type,
}

/** Config fields of those that are multistep. */
export const dpmStepsFields = {
  ...dpmFields,
  ...algorithmField('dpmsolver', 'dpmsolver++', 'sde-dpmsolver', 'sde-dpmsolver++'),
  euler_at_final: defaulted(t.boolean, false),
  timestep_spacing,
  steps_offset,
}

/** Config fields of a shift given with each run. */
export const shiftFields = {
  use_dynamic_shifting: defaulted(t.boolean, false),
  time_shift_type: defaulted(oneOf('exponential'), 'exponential'),
}

/** The shift of a flow's σ: e^mu where the config lets each run give it. Throws `ConfigError`. */
export const shiftOf = (
  fields: { readonly flow_shift: number; readonly use_dynamic_shifting: boolean },
  mu: number | undefined,
): number => {
  if (mu === undefined) return fields.flow_shift
  if (!fields.use_dynamic_shifting)
    throw new ConfigError('mu', mu, ['undefined', 'use_dynamic_shifting true'], 'shifts no grid of this config,')
  return Math.exp(mu)
}

/** What must agree with the algorithm. */
export type DpmAgreement = {
  readonly algorithm_type: Algorithm
  readonly solver_order: 1 | 2 | 3
  readonly prediction_type: LevelPrediction
  readonly variance_type: 'learned' | 'learned_range' | null
  readonly thresholding: boolean
  readonly use_flow_sigmas: boolean
  readonly final_sigmas_type?: 'zero' | 'sigma_min'
}

/** What a config's algorithm integrates. Throws `ConfigError` where another field does not go with it. */
export const formOf = ({ algorithm_type: algorithm, ...fields }: DpmAgreement): Form => {
  demandVelocity(fields.prediction_type, fields.use_flow_sigmas)
  if (fields.variance_type !== null && fields.prediction_type !== 'epsilon')
    throw new ConfigError(
      'variance_type',
      fields.variance_type,
      ['null'],
      'is learned with prediction_type epsilon only',
    )
  if (algorithm.endsWith('++')) return 'data'
  const demand = (field: keyof typeof fields, bad: boolean, allowed: readonly string[]): void => {
    if (bad) throw new ConfigError(field, fields[field], allowed, `does not go with algorithm_type ${algorithm}`)
  }
  demand('final_sigmas_type', fields.final_sigmas_type === 'zero', ['sigma_min'])
  demand('prediction_type', fields.prediction_type === 'flow_prediction', ['epsilon', 'sample', 'v_prediction'])
  demand('solver_order', algorithm === 'sde-dpmsolver' && fields.solver_order === 3, ['1', '2'])
  return 'noise'
}

/** The model's answer without the second half of channels, the learned variance, which these methods do not use. */
export const meanOf =
  (variance: 'learned' | 'learned_range' | null) =>
  (x: Tensor, answer: Tensor): Tensor =>
    variance === null ? answer : answer.slice(1, 0, x.shape[1]!)
