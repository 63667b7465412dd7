/** A model that knows the clean sample ends there. */
import fc from 'fast-check'
import { endOf } from './constant-noise.ts'
import { follow } from './fold.ts'
import { scrambled, seeds, stepCounts, values } from './generate.ts'
import { valuesOf, vector } from './host.ts'
import { demandClose, type Rule } from './law.ts'
import { places, stream } from './places.ts'

/**
 * Law 7: with the model answering x₀ at every step, whatever the start and whatever is drawn, the end is x₀. An ODE
 * solver whose grid ends at a level (a, s) ends at a x₀ + s ε with the ε that x₀ leaves of the start. Lu et al. 2022b,
 * eq. 9 with x₀ constant.
 */
export const constantSample: Rule = {
  number: 7,
  name: 'a model that knows x₀ ends at x₀',
  source: 'Lu et al. 2022b, eq. 9',
  excused: ({ range, kind = 'ode', end = 'clean' }) =>
    range !== undefined
      ? 'keeps x₀ in a range'
      : kind !== 'ode' && end === 'noisy'
        ? 'ends at a level, with noise of its own'
        : undefined,
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), values(3), values(3), seeds, (n, x0, e, seed) => {
        const scheduler = make(n)
        const at = places(scheduler, traits.prediction)
        const { signal, noise } = at[0]!.asked
        const draw = scrambled(seed)
        const { end } = follow(
          scheduler,
          at,
          vector(x0.map((x, j) => signal * x + noise * e[j]!)),
          { clean: () => vector(x0) },
          stream([3], (i) => vector([0, 1, 2].map((j) => draw(i, j)))),
        )
        const ode = (traits.kind ?? 'ode') === 'ode'
        const last = ode ? endOf(scheduler, traits) : { signal: 1, noise: 0 }
        const scale = 4 * Math.max(noise, 1)
        valuesOf([end])[0]!.forEach((x, j) =>
          demandClose(`element ${j} of the end`, x, last.signal * x0[j]! + last.noise * e[j]!, scale),
        )
      }),
      { numRuns: runs },
    ),
}
