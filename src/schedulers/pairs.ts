/** Methods that call the model twice a step: each step is a pair of calls, except the last, which is one. */
import { ConfigError } from '../errors.ts'

/** A call of a pair: of which step, whether the second. */
export type Call = { readonly step: number; readonly second: boolean }

/** The calls of n steps: 0, 0', 1, 1', …, n − 1. */
export const calls = (steps: number): readonly Call[] =>
  Array.from({ length: 2 * steps - 1 }, (_, i) => ({ step: Math.floor(i / 2), second: i % 2 === 1 }))

/** Where to begin, counted in calls: at the first call of a pair. Throws `ConfigError`. */
export const beginning = (begin: number | undefined): number => {
  if ((begin ?? 0) % 2 !== 0)
    throw new ConfigError(
      'begin',
      begin,
      ['an even number: the first call of a pair'],
      'falls inside a pair of model calls',
    )
  return begin ?? 0
}
