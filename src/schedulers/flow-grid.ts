/** Grids of flow matching: x_σ = (1 − σ) x₀ + σ ε, σ from 1 to 0. Lipman et al. 2022; Esser et al. 2024 (shift). */
import * as t from 'io-ts'
import { defaulted, integer, nullable, oneOf } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { linspace } from './betas.ts'
import type { SigmaGrid, SigmaOptions } from './sigma-grid.ts'
import { betaSigmas, exponentialSigmas, gridOf, karrasSigmas } from './sigmas.ts'
import { stepCount } from './spacing.ts'

/** Config fields of every grid of flow matching. */
export const flowFields = {
  num_train_timesteps: defaulted(integer(1), 1000),
  shift: defaulted(t.number, 1),
}

const flag = defaulted(nullable(t.boolean), false)

/**
 * Config fields of the grids that may depend on the image's size, stretch to an end, be inverted, or be shaped by
 * name.
 */
export const flowGridFields = {
  ...flowFields,
  use_dynamic_shifting: flag,
  base_shift: defaulted(nullable(t.number), 0.5),
  max_shift: defaulted(nullable(t.number), 1.15),
  base_image_seq_len: defaulted(integer(1), 256),
  max_image_seq_len: defaulted(integer(1), 4096),
  invert_sigmas: flag,
  shift_terminal: defaulted(nullable(t.number), null),
  use_karras_sigmas: flag,
  use_exponential_sigmas: flag,
  use_beta_sigmas: flag,
  time_shift_type: defaulted(oneOf('exponential', 'linear'), 'exponential'),
}

/** What determines a grid of flow matching. */
export type FlowGridConfig = {
  readonly num_train_timesteps: number
  readonly shift: number
  readonly use_dynamic_shifting?: boolean | null
  readonly invert_sigmas?: boolean | null
  readonly shift_terminal?: number | null
  readonly use_karras_sigmas?: boolean | null
  readonly use_exponential_sigmas?: boolean | null
  readonly use_beta_sigmas?: boolean | null
  readonly time_shift_type?: 'exponential' | 'linear'
}

/**
 * Labels or levels given by hand, without the final level; how many steps to leave out at the start; and `mu`, the
 * shift for the image's size, which only a config with `use_dynamic_shifting` reads.
 */
export type FlowOptions = SigmaOptions & { readonly mu?: number }

/**
 * σ of the same place in time after a shift: a σ/(1 + (a − 1) σ). It fixes 0 and 1, and shifts compose by product.
 * Esser et al. 2024, eq. 23.
 */
export const shifted = (sigma: number, a: number): number => (a * sigma) / (1 + (a - 1) * sigma)

/**
 * The grid stretched away from 1, linearly, so that it ends at `end`; a grid that is 1 alone has nothing to stretch.
 */
export const stretched = (sigmas: readonly number[], end: number): readonly number[] => {
  const length = 1 - sigmas.at(-1)!
  return length === 0 ? sigmas : sigmas.map((s) => 1 - ((1 - s) / length) * (1 - end))
}

/** The shift of a config: its own, or e^µ or µ where it depends on the image. Throws `ConfigError`. */
const shiftOf = (o: FlowGridConfig, mu: number | undefined): number => {
  if (o.use_dynamic_shifting !== true) {
    if (!(o.shift > 0 && o.shift < Infinity))
      throw new ConfigError('shift', o.shift, ['a finite number above 0'], 'is no shift')
    return o.shift
  }
  const linear = o.time_shift_type === 'linear'
  const a = linear ? mu : mu === undefined ? undefined : Math.exp(mu)
  if (a === undefined || !(a > 0 && a < Infinity))
    throw new ConfigError(
      'mu',
      mu ?? null,
      [linear ? 'a finite number above 0' : 'a number from −700 to 700'],
      mu === undefined ? 'is missing, which use_dynamic_shifting needs,' : 'is no shift',
    )
  return a
}

/** Labels or levels given by hand, as levels from 0 to 1. Throws `ConfigError`. */
const levels = (field: 'timesteps' | 'sigmas', values: readonly number[], most: number): readonly number[] => {
  const fits = values.length > 0 && values.every((v, i) => v >= 0 && v <= most && (i === 0 || v < values[i - 1]!))
  if (!fits)
    throw new ConfigError(field, values, [`numbers descending from at most ${most} to at least 0`], 'is no grid')
  return values.map((v) => v / most)
}

const given = (o: FlowGridConfig, { timesteps, sigmas }: FlowOptions): readonly number[] | undefined => {
  const [labels, own] = [
    timesteps && levels('timesteps', timesteps, o.num_train_timesteps),
    sigmas && levels('sigmas', sigmas, 1),
  ]
  if (labels !== undefined && own !== undefined && labels.length !== own.length)
    throw new ConfigError('timesteps', timesteps, [`as many as sigmas: ${own.length}`], 'does not pair with sigmas')
  return own ?? labels
}

const shaped = (sigmas: readonly number[], o: FlowGridConfig): readonly number[] => {
  const named = gridOf({
    use_karras_sigmas: o.use_karras_sigmas === true,
    use_exponential_sigmas: o.use_exponential_sigmas === true,
    use_beta_sigmas: o.use_beta_sigmas === true,
  })
  const [max, min, n] = [sigmas[0]!, sigmas.at(-1)!, sigmas.length]
  switch (named) {
    case 'use_karras_sigmas':
      return karrasSigmas(max, min, n)
    case 'use_exponential_sigmas':
      if (min === 0)
        throw new ConfigError(named, true, ['false', 'sigmas that end above 0'], 'has no grid down to σ = 0')
      return exponentialSigmas(max, min, n)
    case 'use_beta_sigmas':
      return betaSigmas(max, min, n)
    default:
      return sigmas
  }
}

/**
 * n labels and n + 1 levels: evenly spaced from 1 to 1/T (that end shifted too, as diffusers does, so that it is
 * shifted twice), or given by hand; then shifted, stretched to `shift_terminal`, shaped by name between the ends, and
 * closed by 0. A label is T σ in float32, unless labels were given. `invert_sigmas` takes 1 − σ throughout and closes
 * with 1. Throws `ConfigError`.
 */
export const flowGrid = (steps: number, o: FlowGridConfig, options: FlowOptions = {}): SigmaGrid => {
  const total = o.num_train_timesteps
  const shift = shiftOf(o, options.mu)
  const end = o.shift_terminal ?? 0
  if (!(end >= 0 && end < 1))
    throw new ConfigError('shift_terminal', end, ['null', 'a number from 0 up to but not including 1'], 'is no end')
  const least = o.use_dynamic_shifting === true ? 1 / total : shifted(1 / total, shift)
  const even = given(o, options) ?? linspace(1, least, stepCount(steps, Infinity))
  const moved = even.map((s) => shifted(s, shift))
  const grid = shaped(end === 0 ? moved : stretched(moved, end), o)
  const sigmas = o.invert_sigmas === true ? [...grid.map((s) => 1 - s), 1] : [...grid, 0]
  const told = sigmas.slice(0, -1).map((s) => Math.fround(Math.fround(s) * total))
  return { timesteps: o.invert_sigmas === true ? told : (options.timesteps ?? told), sigmas }
}
