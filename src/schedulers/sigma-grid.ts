/** The grid that samplers in σ share: Euler, Heun, LMS, KDPM2 and theirs. */
import * as t from 'io-ts'
import { defaulted, nullable, oneOf } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { linspace } from './betas.ts'
import { betaSigmas, exponentialSigmas, gridOf, interpolate, karrasSigmas, timeOf, type GridFlags } from './sigmas.ts'
import { stepCount, spacedTimesteps, type Spacing } from './spacing.ts'

/** Config fields of the named grids. */
export const sigmaFields = {
  use_karras_sigmas: defaulted(t.boolean, false),
  use_exponential_sigmas: defaulted(t.boolean, false),
  use_beta_sigmas: defaulted(t.boolean, false),
}

/** Config fields of the ends of the grid. */
export const sigmaEndFields = {
  sigma_min: defaulted(nullable(t.number), null),
  sigma_max: defaulted(nullable(t.number), null),
  final_sigmas_type: defaulted(oneOf('zero', 'sigma_min'), 'zero'),
}

/** The named grids between a greatest and a least σ. Evenly spaced in λ = −ln σ, as Lu et al. 2022a, is evenly spaced in ln σ. */
export const namedGrids = {
  use_karras_sigmas: karrasSigmas,
  use_exponential_sigmas: exponentialSigmas,
  use_beta_sigmas: betaSigmas,
  use_lu_lambdas: exponentialSigmas,
}

/** What determines a grid in σ. */
export type SigmaGridOptions = GridFlags & {
  readonly num_train_timesteps: number
  readonly timestep_spacing: Spacing
  readonly steps_offset: number
  readonly sigma_min?: number | null
  readonly sigma_max?: number | null
  readonly final_sigmas_type?: 'zero' | 'sigma_min'
  readonly interpolation_type?: 'linear' | 'log_linear'
}

/** Timesteps or noise levels given by hand, the levels with the final one; and how many steps to leave out at the start. */
export type SigmaOptions = {
  readonly timesteps?: readonly number[]
  readonly sigmas?: readonly number[]
  readonly begin?: number
}

/** n times, fractional where the model was not trained, and n + 1 noise levels. */
export type SigmaGrid = { readonly timesteps: readonly number[]; readonly sigmas: readonly number[] }

/** Times as `spacing` says, not rounded when they are linearly spaced. */
const times = (steps: number, o: SigmaGridOptions): readonly number[] =>
  o.timestep_spacing === 'linspace'
    ? linspace(0, o.num_train_timesteps - 1, stepCount(steps, o.num_train_timesteps))
        .map(Math.fround)
        .reverse()
    : spacedTimesteps(steps, o)

/** Numbers that must descend strictly, from `least` up. Throws `ConfigError`, naming the field. */
export const descending = (field: string, values: readonly number[], least: number): readonly number[] => {
  const fits =
    values.length > 0 && values.every((v, i) => Number.isFinite(v) && v >= least && (i === 0 || v < values[i - 1]!))
  if (!fits) throw new ConfigError(field, values, ['finite numbers, descending, not negative'], 'is no grid')
  return values
}

/**
 * The grid of a config: trained σ at the spaced times, or a named grid between its ends, or times or levels given by hand. `train` are the
 * σ of the training steps, ascending. Throws `ConfigError`.
 */
export const sigmaGrid = (
  steps: number,
  o: SigmaGridOptions,
  train: readonly number[],
  given: SigmaOptions = {},
): SigmaGrid => {
  const named = gridOf(o)
  const last = o.final_sigmas_type === 'sigma_min' ? train[0]! : 0
  if (given.sigmas !== undefined) {
    if (given.timesteps !== undefined)
      throw new ConfigError('sigmas', given.sigmas, ['timesteps or sigmas'], 'come with timesteps')
    const levels = descending('sigmas', given.sigmas, 0)
    return { timesteps: levels.slice(0, -1).map((s) => timeOf(s, train)), sigmas: levels }
  }
  if (given.timesteps !== undefined && named !== undefined)
    throw new ConfigError(named, true, ['false'], 'determines the grid, and timesteps were given too')
  const ts = given.timesteps === undefined ? times(steps, o) : descending('timesteps', given.timesteps, 0)
  // Evenly spaced in ln σ, the grid ends at the least trained σ, which is its final level.
  const even =
    o.interpolation_type === 'log_linear' ? exponentialSigmas(train.at(-1)!, train[0]!, ts.length + 1) : undefined
  const native = even ?? ts.map((at) => interpolate(train, at))
  if (named === undefined) return { timesteps: ts, sigmas: even ?? [...native, last] }
  const [max, min] = [o.sigma_max ?? native[0]!, o.sigma_min ?? native.at(-1)!]
  if (!(named in namedGrids))
    throw new ConfigError(named, true, Object.keys(namedGrids), 'is no grid of this scheduler')
  const levels = namedGrids[named as keyof typeof namedGrids](max, min, ts.length)
  return { timesteps: levels.map((s) => timeOf(s, train)), sigmas: [...levels, last] }
}
