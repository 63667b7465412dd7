/** Two steps of a first-order method are one. */
import fc from 'fast-check'
import { answerFor } from './fold.ts'
import { stepCounts } from './generate.ts'
import { valuesOf, vector } from './host.ts'
import { demandClose, type Rule } from './law.ts'
import { memoryless } from './noising.ts'
import { places, sampleSeen, silence } from './places.ts'

/**
 * Law 9: a step from any sample, the model answering ε, is the affine map (x, ε) ↦ p x + q ε of its ends, and the maps
 * of steps i … j compose to that of one step, p = aⱼ/aᵢ, q = sⱼ − sᵢ aⱼ/aᵢ, whatever the levels between. Song, Meng &
 * Ermon 2020, eq. 13.
 */
export const semigroup: Rule = {
  number: 9,
  name: 'steps compose to one step from the first level to the last',
  source: 'Song, Meng & Ermon 2020, eq. 13',
  excused: ({ kind = 'ode', order = 1, range }) =>
    kind !== 'ode' || order !== 1
      ? 'is no ODE solver of order 1'
      : range !== undefined
        ? 'keeps x₀ in a range'
        : undefined,
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), fc.nat(), fc.nat(), (n, low, high) => {
        const scheduler = make(n)
        if (!memoryless(scheduler)) return
        const at = places(scheduler, traits.prediction)
        const i = low % at.length
        const j = i + (high % (at.length - i))
        const [from, to] = [at[i]!.asked, at[j]!.asked]
        // Where nothing of the signal is left, no ε is implied by x.
        if (from.signal < 1e-6) return
        const [x, e] = [vector([1, 0, 1.5]), vector([0, 1, -0.5])]
        let state = scheduler.start(x, silence([3]))
        for (let k = i; k < j; k++) {
          const t = scheduler.timesteps[k]!
          const { signal, noise } = at[k]!.asked
          const asked = { state, x: sampleSeen(scheduler.input(state, t), at[k]!), place: at[k]!, i: k }
          const clean = asked.x.sub(e.mul(noise)).div(signal)
          state = scheduler.step(state, answerFor(scheduler, asked, clean), t)
        }
        const p = to.signal / from.signal
        const q = to.noise - from.noise * p
        const [got] = valuesOf([scheduler.output(state)])
        const scale = 4 * Math.max(1, Math.abs(p), Math.abs(q))
        ;[p, q, 1.5 * p - 0.5 * q].forEach((want, k) => demandClose(`steps ${i} to ${j}`, got![k]!, want, scale))
      }),
      { numRuns: runs },
    ),
}
