/**
 * DPM-Solver++ run backwards, from a sample to its noise. Mokady et al. 2023 for the use; Lu et al. 2022b for the
 * steps.
 */
import * as t from 'io-ts'
import { roundEven } from '../core/special.ts'
import { ConfigError } from '../errors.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import { dpmStepsFields } from './dpm-config.ts'
import { dpmOnGrid, type DpmCoefficient, type DpmState } from './dpm-multistep.ts'
import { clippedCount, labelOf, levelOf, trainedSigmas, type LambdaGrid } from './lambda-grid.ts'
import { namedGrids } from './sigma-grid.ts'
import { gridOf, interpolate } from './sigmas.ts'
import { stepCount } from './spacing.ts'
import type { Scheduler } from './scheduler.ts'

/** The fields of a DPMSolverMultistepInverseScheduler's config, with diffusers' defaults. */
export const dpmMultistepInverseFields = t.type(dpmStepsFields)

type Fields = t.TypeOf<typeof dpmMultistepInverseFields>

/** Whole timesteps, ascending from the least, without the noisiest of the first `count`, where the last step ends. */
const ascending = (steps: number, o: Fields, count: number): readonly number[] => {
  const total = o.num_train_timesteps
  const n = stepCount(steps, total)
  switch (o.timestep_spacing) {
    case 'linspace':
      return Array.from({ length: n }, (_, i) => roundEven(i * ((count - 1) / n)))
    case 'leading': {
      const ratio = Math.floor(count / (n + 1))
      return Array.from({ length: n }, (_, i) => Math.min(i * ratio + o.steps_offset, total - 1))
    }
    case 'trailing': {
      const length = Math.min(Math.ceil((count * n) / total), n)
      const stride = count - (count - total / n)
      return Array.from({ length }, (_, i) => roundEven(count - (length - 1 - i) * stride) - 1)
    }
  }
}

/** The grid of a config, from the least level to the greatest; a named grid ends with its greatest level once more. */
const inverseGrid = (steps: number, o: Fields): LambdaGrid => {
  const train = trainedSigmas(o)
  const grid = gridOf(o)
  if (grid === 'use_flow_sigmas')
    throw new ConfigError(grid, true, ['false'], 'gives a grid that descends, which inverts nothing')
  if (grid === undefined) {
    const count = clippedCount(train, o.lambda_min_clipped)
    const timesteps = ascending(steps, o, count)
    const sigmas = [...timesteps.map((at) => interpolate(train, at)), train[count - 1]!]
    return { timesteps, levels: sigmas.map((s) => levelOf(s)) }
  }
  const sigmas = namedGrids[grid](train[0]!, train.at(-1)!, stepCount(steps, o.num_train_timesteps))
  const timesteps = sigmas.map((s) => labelOf(s, train, grid === 'use_karras_sigmas'))
  return { timesteps, levels: [...sigmas, sigmas.at(-1)!].map((s) => levelOf(s)) }
}

/**
 * The steps of `dpmMultistepScheduler` on a grid that ascends: h < 0. Labels that coincide are all kept, each with its
 * own level, where the original drops them and pairs the rest with levels of other steps. Along the SDE there is no way
 * back: √(1 − e⁻²ʰ) has no root. State and orders as in the multistep method. No draws. Throws `ConfigError`.
 */
export const dpmMultistepInverseScheduler = (
  config: SchedulerConfig,
  steps: number,
  { begin }: { readonly begin?: number } = {},
): Scheduler<DpmState, DpmCoefficient> => {
  const fields = fieldsOf(dpmMultistepInverseFields, config)
  if (fields.algorithm_type.startsWith('sde'))
    throw new ConfigError('algorithm_type', fields.algorithm_type, ['dpmsolver', 'dpmsolver++'], 'has no inverse')
  return dpmOnGrid(fields, inverseGrid(steps, fields), begin)
}
