/** What a law is, what it needs to be told of a scheduler, and how it says that it does not hold. */
import type { Scheduler } from '../schedulers/scheduler.ts'

/** A scheduler whose states and coefficients are its own business: a law only hands them back. */
export type Subject = Scheduler<unknown>

/** A mixture `signal` x₀ + `noise` ε of the forward process. */
export type Mixture = { readonly signal: number; readonly noise: number }

/** What an answer says of the clean sample: x₀ = `kept` x + `told` · answer. */
export type Weights = { readonly kept: number; readonly told: number }

/**
 * What the model answers, from which follows the level that it is asked at. 'sample' says nothing of the level:
 * `addNoise` does. An EDM network is told apart by the deviation of its data; for any other, give the mixture from the
 * weights, or from that of `addNoise`.
 */
export type Answer =
  | 'epsilon'
  | 'sample'
  | 'v_prediction'
  | 'flow'
  | { readonly sigmaData: number }
  | ((weights: Weights, mixed: Mixture) => Mixture)

/** The predictions whose trajectories law 5 compares. */
export type Parametrization = 'epsilon' | 'sample' | 'v_prediction'

/** What cannot be read off a scheduler. */
export type Traits = {
  /** What the model answers. */
  readonly prediction: Answer
  /** A solver of the ODE, of an SDE, or a method that falls to x₀ and adds noise again. 'ode' unless given. */
  readonly kind?: 'ode' | 'sde' | 'consistency'
  /** The order that is claimed along the ODE, where start-up does not keep it lower. 1 unless given. */
  readonly order?: number
  /** Tensors that a state holds at most: the sample and the history. `order` unless given. */
  readonly tensors?: number
  /** Calls of the model in a step; a state between them need not lie on the path. 1 unless given. */
  readonly calls?: number
  /** Where the last step ends: at the clean sample, or at some level. 'clean' unless given. */
  readonly end?: 'clean' | 'noisy'
  /** Whether levels rise, as in an inversion. */
  readonly ascending?: boolean
  /** Standard deviation of the data for which inputs are scaled. That of `prediction`, or 1, unless given. */
  readonly dataDeviation?: number
  /** The bound that x₀ is kept in, by clipping or by thresholding. */
  readonly range?: number
  /** Step counts to generate. 1 to 20 unless given. */
  readonly steps?: { readonly min?: number; readonly max?: number; readonly multipleOf?: number }
  /** The same method on grids that nest under refinement, for its order (law 14). */
  readonly refined?: (steps: number) => Subject
  /** The same method for other answers of the same model (law 5). */
  readonly parametrized?: { readonly [P in Parametrization]: (steps: number) => Subject }
  /** Laws that this scheduler cannot obey, each with the reason. */
  readonly exempt?: Readonly<Record<number, string>>
}

/** A scheduler for every step count, and its traits: what a law is about. */
export type Case = { readonly make: (steps: number) => Subject; readonly traits: Traits }

/**
 * A law by its number in the project's list. `check` throws with the smallest counterexample that fast-check finds. A
 * law that does not apply says why in `exempt` and in its name, and its check does nothing.
 */
export type Law = {
  readonly number: number
  readonly name: string
  readonly source: string
  readonly exempt?: string
  readonly check: () => void
}

/** How a law is written: whether it applies (else why not), and what must hold. */
export type Rule = {
  readonly number: number
  readonly name: string
  readonly source: string
  /** Why the law does not apply, or undefined where it does. */
  readonly excused?: (traits: Traits) => string | undefined
  /** Throws where the law does not hold. */
  readonly check: (of: Case, runs: number) => void
}

/** A law that does not hold, and where. */
export class LawError extends Error {
  readonly _tag = 'LawError'
  readonly where: string
  readonly got: number
  readonly expected: number
  constructor(where: string, got: number, expected: number) {
    super(`${where}: ${got}, expected ${expected}`)
    this.where = where
    this.got = got
    this.expected = expected
  }
}

/** Throws `LawError` unless `got` is `expected` within `tolerance` of `scale`. NaN is never close. */
export const demandClose = (where: string, got: number, expected: number, scale = 1, tolerance = 1e-9): void => {
  if (!(Math.abs(got - expected) <= tolerance * scale)) throw new LawError(where, got, expected)
}

/** Throws `LawError` unless the numbers are the same. */
export const demandSame = (where: string, got: readonly number[], expected: readonly number[]): void => {
  if (got.length !== expected.length) throw new LawError(`${where}, how many`, got.length, expected.length)
  got.forEach((g, i) => {
    if (!Object.is(g, expected[i]!)) throw new LawError(`${where} [${i}]`, g, expected[i]!)
  })
}
