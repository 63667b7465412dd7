/**
 * Laws that every scheduler obeys, as properties for fast-check: `for (const { name, check } of laws(make, traits))
 * it(name, check)`.
 */
import type { Scheduler } from '../schedulers/scheduler.ts'
import { constantNoise } from './constant-noise.ts'
import { constantSample } from './constant-sample.ts'
import { deltaData } from './delta-data.ts'
import { equivariance } from './equivariance.ts'
import { gaussianOracle } from './gaussian-oracle.ts'
import { grid } from './grid.ts'
import { labels } from './labels.ts'
import type { Law, Rule, Subject, Traits } from './law.ts'
import { marginals } from './marginals.ts'
import { noising } from './noising.ts'
import { parametrization } from './parametrization.ts'
import { resume } from './resume.ts'
import { semigroup } from './semigroup.ts'
import { superposition } from './superposition.ts'
import { thresholding } from './thresholding.ts'
import { totality } from './totality.ts'
import { unitInput } from './unit-input.ts'

export { LawError, type Answer, type Law, type Mixture, type Traits, type Weights } from './law.ts'

/** Every law, by its number. */
export const rules: readonly Rule[] = [
  marginals,
  grid,
  parametrization,
  constantNoise,
  constantSample,
  noising,
  semigroup,
  deltaData,
  gaussianOracle,
  superposition,
  equivariance,
  resume,
  unitInput,
  thresholding,
  labels,
  totality,
]

/** How many cases fast-check generates for each law: 20 unless given. */
export type LawOptions = { readonly runs?: number }

/**
 * The laws of a scheduler, given for every step count. `traits` say what cannot be read off it. Checks throw
 * fast-check's report: the law, its smallest counterexample, and the seed that finds it again.
 */
export const laws = <S, K extends string>(
  make: (steps: number) => Scheduler<S, K>,
  traits: Traits,
  { runs = 20 }: LawOptions = {},
): readonly Law[] =>
  rules.map(({ number, name, source, excused, check }) => {
    const exempt = traits.exempt?.[number] ?? excused?.(traits)
    const title = `law ${number}: ${name}`
    // States and coefficients are the scheduler's own; a law only hands them back.
    const subject = make as unknown as (steps: number) => Subject
    return exempt === undefined
      ? { number, name: title, source, check: () => check({ make: subject, traits }, runs) }
      : { number, name: `${title} (exempt: ${exempt})`, source, exempt, check: () => {} }
  })
