/** `addNoise` and `step` speak of the same levels. */
import fc from 'fast-check'
import { answerFor } from './fold.ts'
import { stepCounts, values } from './generate.ts'
import { valuesOf, vector } from './host.ts'
import { demandClose, type Rule, type Subject } from './law.ts'
import { places, sampleSeen, silence } from './places.ts'
import { Tensor } from '../tensor/tensor.ts'
import { leaves } from '../tensor/tree.ts'

/** Is a state the sample and no more, so that a run may start at any step? */
export const memoryless = (scheduler: Subject): boolean =>
  leaves(scheduler.start(vector([0]), silence([1]))).filter(([, leaf]) => leaf instanceof Tensor).length === 1

/**
 * Law 8: `addNoise` mixes, at every step, by the level that the model is asked at; and where a state is the sample
 * alone, a step from `addNoise(x₀, ε, tᵢ)` with the model answering ε gives `addNoise(x₀, ε, tᵢ₊₁)`. Song, Meng & Ermon
 * 2020, lemma 1: the marginals of the sampler are those of the forward process.
 */
export const noising: Rule = {
  number: 8,
  name: 'step leads from one addNoise to the next',
  source: 'Song, Meng & Ermon 2020, lemma 1',
  excused: ({ range }) => (range === undefined ? undefined : 'keeps x₀ in a range'),
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), values(2), values(2), (n, x0, e) => {
        const scheduler = make(n)
        const at = places(scheduler, traits.prediction)
        const calls = traits.calls ?? 1
        at.forEach(({ mixed, asked }, i) => {
          if (i % calls !== 0) return
          demandClose(`signal of addNoise at step ${i}`, mixed.signal, asked.signal)
          demandClose(`noise of addNoise at step ${i}`, mixed.noise, asked.noise, Math.max(1, asked.noise))
        })
        if ((traits.kind ?? 'ode') !== 'ode' || !memoryless(scheduler)) return
        const [clean, noise] = [vector(x0), vector(e)]
        const steps = scheduler.timesteps.slice(0, -1).flatMap((t, i) => {
          const state = scheduler.start(scheduler.addNoise(clean, noise, t), silence([2]))
          const asked = { state, x: sampleSeen(scheduler.input(state, t), at[i]!), place: at[i]!, i }
          const moved = scheduler.step(state, answerFor(scheduler, asked, clean), t)
          return [scheduler.output(moved), scheduler.addNoise(clean, noise, scheduler.timesteps[i + 1]!)]
        })
        const got = valuesOf(steps)
        for (let i = 0; 2 * i < got.length; i++)
          got[2 * i]!.forEach((x, j) =>
            demandClose(`sample after step ${i}`, x, got[2 * i + 1]![j]!, 4 * Math.max(1, at[i]!.asked.noise)),
          )
      }),
      { numRuns: runs },
    ),
}
