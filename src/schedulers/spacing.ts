/** Which training timesteps are visited. Lin et al. 2023, table 2. */
import { roundEven } from '../core/special.ts'
import { ConfigError } from '../errors.ts'
import { linspace } from './betas.ts'

/** The ways of spacing timesteps. */
export const spacings = ['leading', 'linspace', 'trailing'] as const
/** The name of a spacing. */
export type Spacing = (typeof spacings)[number]

/** What determines the timesteps of a run. */
export type SpacingOptions = {
  readonly num_train_timesteps: number
  readonly timestep_spacing: Spacing
  readonly steps_offset: number
}

/** A step count as given: a whole number from 1 to `most`. Throws `ConfigError`. */
export const stepCount = (steps: number, most: number): number => {
  if (!Number.isInteger(steps) || steps < 1 || steps > most)
    throw new ConfigError('steps', steps, [`a whole number from 1 to ${most}`], 'is no number of steps')
  return steps
}

/**
 * Integer timesteps, descending: `leading` multiples of ⌊T/n⌋ plus the offset, `linspace` from T − 1 to 0, `trailing` from T − 1 down by
 * T/n. One that an offset pushes past the last trained timestep is that last one.
 */
export const spacedTimesteps = (steps: number, o: SpacingOptions): readonly number[] => {
  const total = o.num_train_timesteps
  const n = stepCount(steps, total)
  switch (o.timestep_spacing) {
    case 'leading': {
      const ratio = Math.floor(total / n)
      return Array.from({ length: n }, (_, i) => Math.min((n - 1 - i) * ratio + o.steps_offset, total - 1))
    }
    case 'linspace':
      return linspace(0, total - 1, n)
        .map(roundEven)
        .reverse()
    case 'trailing': {
      const ratio = total / n
      return Array.from({ length: n }, (_, i) => roundEven(total - i * ratio) - 1)
    }
  }
}

/** Timesteps as given by hand: whole, strictly descending, from T − 1 to 0. Throws `ConfigError`. */
export const givenTimesteps = (timesteps: readonly number[], total: number): readonly number[] => {
  const fits = timesteps.every(
    (t, i) => Number.isInteger(t) && t >= 0 && t < total && (i === 0 || t < timesteps[i - 1]!),
  )
  if (timesteps.length === 0 || !fits)
    throw new ConfigError(
      'timesteps',
      timesteps,
      [`whole numbers descending from at most ${total - 1} to at least 0`],
      'are no timesteps',
    )
  return timesteps
}
