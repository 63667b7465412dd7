/** Data of one point: a stochastic sampler keeps the variance of the forward process. */
import fc from 'fast-check'
import { zeros } from '../tensor/tensor.ts'
import { follow } from './fold.ts'
import { stepCounts } from './generate.ts'
import { valuesOf, vector } from './host.ts'
import { demandClose, type Rule, type Subject, type Traits } from './law.ts'
import { places, stream, type Place } from './places.ts'

/** The mean and the variance of the sample before every step and after the last, where the data are the point 1. */
export const moments = (
  scheduler: Subject,
  { prediction }: Traits,
): { readonly at: readonly Place[]; readonly of: readonly (readonly [mean: number, variance: number])[] } => {
  const at = places(scheduler, prediction)
  // Element 0 has the point and no noise; element 1 the starting noise alone; element k + 2 draw k alone.
  const room = 2 * scheduler.timesteps.length + 4
  const unit = (k: number): number[] => Array.from({ length: room }, (_, j) => (j === k ? 1 : 0))
  const { signal, noise } = at[0]!.mixed
  const { samples, end } = follow(
    scheduler,
    at,
    vector(unit(0).map((u, j) => signal * u + (j === 1 ? noise : 0))),
    { clean: () => vector(unit(0)) },
    stream([room], (k) => (k + 2 < room ? vector(unit(k + 2)) : zeros([room]))),
  )
  return {
    at,
    of: valuesOf([...samples, end]).map(([mean, ...weights]) => [mean!, weights.reduce((sum, w) => sum + w * w, 0)]),
  }
}

/**
 * Law 13: with data that are one point μ, and the model that knows it, the sample before each step has the mean a μ and
 * the variance s². Every draw enters linearly, so the variance is the sum of the squares of the weights that the draws
 * have: down² + up² = s'². Song, Meng & Ermon 2020, lemma 1.
 */
export const deltaData: Rule = {
  number: 13,
  name: 'mean and variance of a known point are a μ and s² at every step',
  source: 'Song, Meng & Ermon 2020, lemma 1',
  excused: ({ range }) => (range === undefined ? undefined : 'keeps x₀ in a range'),
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), (n) => {
        const { at, of } = moments(make(n), traits)
        of.forEach(([mean, variance], i) => {
          const place = at[i]?.mixed
          if (place === undefined) {
            if ((traits.end ?? 'clean') === 'noisy' || traits.ascending === true) return
            demandClose('mean at the end', mean, 1)
            return demandClose('variance at the end', variance, 0, Math.max(1, at[0]!.mixed.noise ** 2))
          }
          if (i % (traits.calls ?? 1) !== 0) return
          demandClose(`mean before step ${i}`, mean, place.signal)
          demandClose(`variance before step ${i}`, variance, place.noise ** 2, Math.max(1, place.noise ** 2))
        })
      }),
      { numRuns: runs },
    ),
}
