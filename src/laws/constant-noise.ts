/** A model that knows the noise leads along the exact path. */
import fc from 'fast-check'
import { follow } from './fold.ts'
import { stepCounts, values } from './generate.ts'
import { valuesOf, vector } from './host.ts'
import { demandClose, type Mixture, type Rule, type Subject, type Traits } from './law.ts'
import { curveOf } from './marginals.ts'
import { places, type Place } from './places.ts'

/** The answer to a x₀ + s ε whatever the state: ε, x₀, v or a flow, as the weights say. */
const truth = (x0: number, e: number, { asked, weights }: Place): number =>
  weights.told === 0 ? 0 : (x0 - weights.kept * (asked.signal * x0 + asked.noise * e)) / weights.told

/** The samples before every step and after the last, for pairs of clean sample and noise that the model knows. */
export const knownPath = (
  scheduler: Subject,
  traits: Traits,
  clean: readonly number[],
  noise: readonly number[],
): { readonly at: readonly Place[]; readonly path: readonly (readonly number[])[] } => {
  const at = places(scheduler, traits.prediction)
  const { asked } = at[0]!
  const start = vector(clean.map((x0, j) => asked.signal * x0 + asked.noise * noise[j]!))
  const { before, end } = follow(scheduler, at, start, {
    answer: ({ place }) => vector(clean.map((x0, j) => truth(x0, noise[j]!, place))),
  })
  return { at, path: valuesOf([...before, end]) }
}

/** The mixture that a scheduler's last step ends at. */
export const endOf = (scheduler: Subject, traits: Traits): Mixture => {
  const { path } = knownPath(scheduler, traits, [1, 0], [0, 1])
  return { signal: path.at(-1)![0]!, noise: path.at(-1)![1]! }
}

/**
 * Law 6: from x_T = a x₀ + s ε, with the model answering ε at every step, the sample before each step is aᵢ x₀ + sᵢ ε,
 * and the last one x₀, or a mixture of the same process where the grid ends at a level. Any consistent scheme is exact
 * on a constant right-hand side (Song, Meng & Ermon 2020, eq. 13; Hairer, Nørsett & Wanner 1993, III.2).
 */
export const constantNoise: Rule = {
  number: 6,
  name: 'a model that knows ε leads along the exact path',
  source: 'Song, Meng & Ermon 2020, eq. 13',
  excused: ({ kind = 'ode', range }) =>
    kind !== 'ode' ? 'adds noise of its own' : range !== undefined ? 'keeps x₀ in a range' : undefined,
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), values(2), values(2), (n, x0, e) => {
        const [clean, noise] = [
          [1, 0, ...x0],
          [0, 1, ...e],
        ]
        const { at, path } = knownPath(make(n), traits, clean, noise)
        const level = at[0]!.asked
        // States shrink or grow from step to step: rounding of the largest stays with the later ones.
        const scale =
          4 * Math.max(level.noise, 1) * at.reduce((m, p) => Math.max(m, 1 / Math.max(p.asked.signal, 1e-3)), 1)
        const mixtures = at.map((p) => p.asked)
        const last = { signal: path.at(-1)![0]!, noise: path.at(-1)![1]! }
        demandClose('curve of the end', curveOf(mixtures)(last), 0, scale)
        if ((traits.end ?? 'clean') === 'clean' && traits.ascending !== true)
          demandClose('noise left at the end', last.noise, 0, scale)
        path.forEach((got, i) => {
          const { signal, noise: s } = mixtures[i] ?? last
          got.forEach((x, j) => demandClose(`sample before step ${i}`, x, signal * clean[j]! + s * noise[j]!, scale))
        })
      }),
      { numRuns: runs },
    ),
}
