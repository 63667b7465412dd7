/** ε, x₀ and v say the same. */
import fc from 'fast-check'
import { follow } from './fold.ts'
import { stepCounts, values } from './generate.ts'
import { valuesOf, vector } from './host.ts'
import { demandClose, type Parametrization, type Rule } from './law.ts'
import { places } from './places.ts'

/**
 * Law 5: a model D(x, level) of the clean sample, asked for ε = (x − a x₀)/s, for x₀ or for v = a ε − s x₀, gives the
 * same trajectory. Salimans & Ho 2022, section 4.
 */
export const parametrization: Rule = {
  number: 5,
  name: 'models of ε, x₀ and v give the same trajectory',
  source: 'Salimans & Ho 2022, section 4',
  excused: ({ parametrized }) =>
    parametrized === undefined ? 'takes one kind of answer (traits.parametrized)' : undefined,
  check: ({ traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), values(3), values(3), (n, x, bend) => {
        const paths = (['epsilon', 'sample', 'v_prediction'] as const).map((prediction: Parametrization) => {
          const scheduler = traits.parametrized![prediction](n)
          const at = places(scheduler, prediction)
          const { before, end } = follow(scheduler, at, vector(x.map((v) => v * Math.max(1, at[0]!.asked.noise))), {
            // Bounded and smooth, so that roundings do not grow.
            clean: (asked) => {
              const { signal, noise } = asked.place.asked
              return asked.x
                .mul(signal / (signal * signal + noise * noise))
                .add(vector(bend))
                .tanh()
            },
          })
          return { level: at[0]!.asked, values: valuesOf([...before, end]) }
        })
        const [first, ...others] = paths
        const scale = 4 * Math.max(1, first!.level.noise) * Math.max(1, 1 / Math.max(first!.level.signal, 1e-3))
        for (const { values: got } of others)
          got.forEach((y, i) =>
            y.forEach((v, j) => demandClose(`sample before step ${i}`, v, first!.values[i]![j]!, scale)),
          )
      }),
      { numRuns: runs },
    ),
}
