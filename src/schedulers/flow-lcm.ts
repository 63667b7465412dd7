/** Multistep consistency sampling of distilled flow models. Luo et al. 2023, algorithm 3, over flow paths. */
import * as t from 'io-ts'
import { defaulted, nullable, oneOf } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import type { NoisySample } from './ddpm.ts'
import { flowAlong, type FlowCoefficient } from './flow-euler.ts'
import { flowGridFields, type FlowOptions } from './flow-grid.ts'
import type { Scheduler } from './scheduler.ts'

/** The fields of a FlowMatchLCMScheduler's config, with diffusers' defaults. */
export const flowLcmFields = t.type({
  ...flowGridFields,
  scale_factors: defaulted(nullable(t.array(t.number)), null),
  upscale_mode: defaulted(
    nullable(oneOf('nearest', 'linear', 'bilinear', 'bicubic', 'trilinear', 'area', 'nearest-exact')),
    'bicubic',
  ),
})

/**
 * x' = (1 − σ') (x − σ v) + σ' z. State: the sample. One draw a step; the last weighs 0. Samples that grow from step
 * to step (`scale_factors`) are not offered: every state of a fold has one shape. Throws `ConfigError`.
 */
export const flowLcmScheduler = (
  config: SchedulerConfig,
  steps: number,
  options: FlowOptions = {},
): Scheduler<NoisySample, FlowCoefficient> => {
  const fields = fieldsOf(flowLcmFields, config)
  if (fields.scale_factors !== null && fields.scale_factors.length > 0)
    throw new ConfigError('scale_factors', fields.scale_factors, ['null'], 'would change the shape of the sample')
  return flowAlong(steps, fields, options, true)
}
