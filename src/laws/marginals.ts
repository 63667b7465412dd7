/** The forward process is one of the three that there are. */
import fc from 'fast-check'
import { stepCounts } from './generate.ts'
import { demandClose, LawError, type Mixture, type Rule } from './law.ts'
import { places } from './places.ts'

/**
 * The curves that a forward process keeps to: a² + s² = 1, a = 1, a + s = 1; each is 0 on it, relative to the noise.
 */
const curves: readonly ((at: Mixture) => number)[] = [
  ({ signal, noise }) => signal * signal + noise * noise - 1,
  ({ signal }) => signal - 1,
  ({ signal, noise }) => signal + noise - 1,
]

/** The curve that all these mixtures lie on. Throws `LawError` where there is none. */
export const curveOf = (at: readonly Mixture[]): ((at: Mixture) => number) => {
  const found = curves.find((curve) => at.every((m) => Math.abs(curve(m)) <= 1e-6))
  if (found !== undefined) return found
  const off = at.find((m) => curves.every((curve) => Math.abs(curve(m)) > 1e-6)) ?? at[0]!
  throw new LawError(`a² + s² at (${off.signal}, ${off.noise})`, off.signal ** 2 + off.noise ** 2, 1)
}

/**
 * Law 1: at every step (a, s) of `addNoise` keeps a² + s² = 1 (Ho et al. 2020, eq. 4), or a = 1 (Song et al. 2021, eq.
 * 30), or a + s = 1 (Liu et al. 2022), the same for all steps, with s ≥ 0.
 */
export const marginals: Rule = {
  number: 1,
  name: 'the forward process keeps a² + s² = 1, a = 1 or a + s = 1',
  source: 'Ho et al. 2020, eq. 4; Song et al. 2021, eq. 30; Liu et al. 2022',
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), (n) => {
        const at = places(make(n), traits.prediction).map(({ mixed }) => mixed)
        const curve = curveOf(at)
        at.forEach((m, i) => {
          demandClose(`curve of step ${i}`, curve(m), 0)
          if (!(m.noise >= 0)) throw new LawError(`noise of step ${i}`, m.noise, 0)
        })
      }),
      { numRuns: runs },
    ),
}
