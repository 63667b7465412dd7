/** SDE-DPM-Solver++ of a network trained on a cosine schedule of v, as Stable Audio's. Lu et al. 2022b; Evans et al. 2024. */
import * as t from 'io-ts'
import { defaulted, oneOf } from '../core/config.ts'
import { sparing, type Noise } from '../tensor/noise.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import { dpmFields, dpmStepsFields } from './dpm-config.ts'
import type { DpmState } from './dpm-multistep.ts'
import { edmMultistep, type EdmDpmCoefficient } from './edm-dpm.ts'
import { edmFields } from './edm.ts'
import type { Scheduler } from './scheduler.ts'

/** The fields of a CosineDPMSolverMultistepScheduler's config, with diffusers' defaults. */
export const cosineDpmFields = t.type({
  ...edmFields,
  sigma_min: defaulted(t.number, 0.3),
  sigma_max: defaulted(t.number, 500),
  sigma_data: defaulted(t.number, 1),
  sigma_schedule: defaulted(oneOf('karras', 'exponential'), 'exponential'),
  prediction_type: defaulted(oneOf('epsilon', 'v_prediction'), 'v_prediction'),
  solver_order: defaulted(oneOf(1, 2), 2),
  solver_type: dpmFields.solver_type,
  lower_order_final: dpmFields.lower_order_final,
  euler_at_final: dpmStepsFields.euler_at_final,
})

/** What such a network is told of σ: the angle of σ to the signal, of a right one. */
const cosineTime = (sigma: number): number => (Math.atan(sigma) / Math.PI) * 2

/**
 * `edmDpmScheduler` along the SDE, with σ told as 2 arctan(σ)/π. State: the sample, `solver_order` − 1 answers, the noise. One draw a step
 * that has a length and does not end at the clean sample: a standard normal. Diffusers draws (W(σ') − W(σ))/√(σ − σ') of a Brownian
 * path W over σ, which is as independent and as normal, and NaN where σ' = σ. Throws `ConfigError`.
 */
export const cosineDpmScheduler = (
  config: SchedulerConfig,
  steps: number,
  { begin }: { readonly begin?: number } = {},
): Scheduler<DpmState, EdmDpmCoefficient> => {
  const fields = fieldsOf(cosineDpmFields, config)
  const method = { algorithm_type: 'sde-dpmsolver++', thresholding: false, dynamic_thresholding_ratio: 0.995 } as const
  const scheduler = edmMultistep({ ...fields, ...method, sample_max_value: 1 }, steps, cosineTime, begin)
  const drawn = scheduler.timesteps.map(({ fresh }) => fresh > 0)
  const start = (x: Tensor, noise: Noise): DpmState => scheduler.start(x, sparing(noise, drawn))
  return { ...scheduler, init: (noise) => start(noise.head.mul(scheduler.initNoiseSigma), noise.next), start }
}
