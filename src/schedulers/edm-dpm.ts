/** DPM-Solver++ of an EDM network, multistep, along the ODE or the SDE. Lu et al. 2022b; Karras et al. 2022, table 1. */
import * as t from 'io-ts'
import { ConfigError } from '../errors.ts'
import type { Scalar } from '../tensor/tensor.ts'
import { fieldsOf, rangeFields, type SchedulerConfig } from './config.ts'
import { algorithmField, dpmFields, dpmStepsFields } from './dpm-config.ts'
import { dpmOnGrid, type DpmCoefficient, type DpmMethod, type DpmState } from './dpm-multistep.ts'
import { edmDeviation, edmFields, edmLevels, edmScale, edmTime, edmWeights } from './edm.ts'
import type { EdmOptions, EdmPrediction } from './edm.ts'
import type { Level } from './lambda-grid.ts'
import type { Scheduler, Step } from './scheduler.ts'

/** The fields of an EDMDPMSolverMultistepScheduler's config, with diffusers' defaults. */
export const edmDpmFields = t.type({
  ...edmFields,
  ...algorithmField('dpmsolver++', 'sde-dpmsolver++'),
  solver_order: dpmFields.solver_order,
  solver_type: dpmFields.solver_type,
  lower_order_final: dpmFields.lower_order_final,
  euler_at_final: dpmStepsFields.euler_at_final,
  thresholding: rangeFields.thresholding,
  dynamic_thresholding_ratio: rangeFields.dynamic_thresholding_ratio,
  sample_max_value: rangeFields.sample_max_value,
})

/** Those of the multistep method, with the level given; and c_in. */
export type EdmDpmCoefficient = DpmCoefficient | 'scale'

/** The level of a σ where the sample keeps its scale: α = 1. */
const edmLevel = (sigma: number): Level => ({ sigma, alpha: 1, deviation: sigma, lambda: -Math.log(sigma) })

/** What of a config determines a run; what it does not say of the method is DPM-Solver++'s. */
export type EdmDpmMethod = EdmOptions & { readonly prediction_type: EdmPrediction } & Omit<
    DpmMethod,
    'prediction_type' | 'use_flow_sigmas' | 'variance_type' | 'final_sigmas_type'
  >

/**
 * The multistep method of an EDM network which is told `time(σ)` of each level: x₀ = c_skip x + c_out F, where F has seen c_in x. Throws
 * `ConfigError`.
 */
export const edmMultistep = (
  fields: EdmDpmMethod,
  steps: number,
  time: (sigma: number) => number,
  begin = 0,
): Scheduler<DpmState, EdmDpmCoefficient> => {
  const levels = edmLevels(steps, fields)
  const end = fields.final_sigmas_type === 'zero' ? 0 : fields.sigma_min
  const { timesteps, ...method } = dpmOnGrid(
    { ...fields, prediction_type: 'sample', use_flow_sigmas: false, variance_type: null },
    { timesteps: levels.map(time), levels: [...levels, end].map(edmLevel) },
    begin,
  )
  const initNoiseSigma = edmDeviation(fields)
  return {
    ...method,
    timesteps: timesteps.map((c): Step<EdmDpmCoefficient, number> => ({
      ...c,
      ...edmWeights(fields.prediction_type, c.sigma, fields.sigma_data),
      scale: edmScale(c.sigma, fields.sigma_data),
    })),
    initNoiseSigma,
    init: (noise) => method.start(noise.head.mul(initNoiseSigma), noise.next),
    input: ({ x }, c: Step<EdmDpmCoefficient, Scalar>) => x.mul(c.scale),
  }
}

/**
 * x' = carry x + Σⱼ wⱼ x₀ᵢ₋ⱼ + fresh z in λ = −ln σ, of the order `solver_order` with the warm-up and last steps of
 * `dpmMultistepScheduler`. The SDE has no order 3. State: the sample, `solver_order` − 1 answers, the noise. One draw a step of the
 * SDE, none of the ODE. Throws `ConfigError`.
 */
export const edmDpmScheduler = (
  config: SchedulerConfig,
  steps: number,
  { begin }: { readonly begin?: number } = {},
): Scheduler<DpmState, EdmDpmCoefficient> => {
  const fields = fieldsOf(edmDpmFields, config)
  if (fields.solver_order === 3 && fields.algorithm_type === 'sde-dpmsolver++')
    throw new ConfigError('solver_order', 3, ['1', '2'], 'does not go with algorithm_type sde-dpmsolver++')
  return edmMultistep(fields, steps, edmTime, begin)
}
