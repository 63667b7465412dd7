/** Where a fold begins that starts from a picture. */
import { ConfigError } from '../errors.ts'
import type { AnyScheduler } from '../schedulers/by-name.ts'

/**
 * The first position for a strength in (0, 1]: of n steps the last ⌊n · strength⌋ are taken, as diffusers counts them. A strength that
 * leaves no step is a `ConfigError`.
 */
export const beginAt = (whole: AnyScheduler, steps: number, strength: number): number => {
  const taken = Math.min(Math.trunc(steps * strength), steps)
  if (!(strength > 0 && strength <= 1))
    throw new ConfigError('strength', strength, ['0 < strength ≤ 1'], 'is no strength')
  if (taken < 1) throw new ConfigError('strength', strength, [`from ${1 / steps} for ${steps} steps`], 'leaves no step')
  return (steps - taken) * (whole.callsPerStep ?? 1)
}
