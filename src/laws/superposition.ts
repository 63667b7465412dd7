/** What a scheduler does is linear. */
import fc from 'fast-check'
import { follow } from './fold.ts'
import { scrambled, seeds, stepCounts, value } from './generate.ts'
import { valuesOf, vector } from './host.ts'
import { demandClose, type Rule } from './law.ts'
import { places, stream } from './places.ts'

/**
 * Law 16: the end of a fold is linear in the start, the answers and the draws together: F(α u + β v) = α F(u) + β F(v).
 * Every method here is a linear recurrence with host numbers for coefficients.
 */
export const superposition: Rule = {
  number: 16,
  name: 'the end is linear in start, answers and draws',
  source: 'linear multistep and Runge–Kutta methods: Hairer, Nørsett & Wanner 1993',
  excused: ({ range }) => (range === undefined ? undefined : 'keeps x₀ in a range'),
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), seeds, value, value, (n, seed, alpha, beta) => {
        const scheduler = make(n)
        const at = places(scheduler, traits.prediction)
        const draw = scrambled(seed)
        // Elements are u, v and α u + β v; what enters is told apart by its kind and place.
        const mixed = (kind: number, i: number): number[] => {
          const [u, v] = [draw(kind, i, 0), draw(kind, i, 1)]
          return [u, v, alpha * u + beta * v]
        }
        const { before, end } = follow(
          scheduler,
          at,
          vector(mixed(0, 0).map((x) => x * Math.max(1, at[0]!.asked.noise))),
          { answer: ({ i }) => vector(mixed(1, i)) },
          stream([3], (i) => vector(mixed(2, i))),
        )
        const got = valuesOf([...before, end])
        const scale = got.flat().reduce((m, x) => Math.max(m, Math.abs(x)), 1)
        got.forEach(([u, v, both], i) => demandClose(`sample before step ${i}`, both!, alpha * u! + beta * v!, scale))
      }),
      { numRuns: runs },
    ),
}
