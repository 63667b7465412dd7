/** The grid goes one way. */
import fc from 'fast-check'
import { stepCounts } from './generate.ts'
import { LawError, type Rule } from './law.ts'
import { places } from './places.ts'

/**
 * Law 2: levels s/a fall from step to step, and the labels that the model is told do not rise (Karras et al. 2022, eq.
 * 5); both the other way round for an inversion. Calls of the model inside a step may repeat the level of the one
 * before.
 */
export const grid: Rule = {
  number: 2,
  name: 'noise levels fall from step to step, and labels do not rise',
  source: 'Karras et al. 2022, eq. 5',
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), (n) => {
        const scheduler = make(n)
        const at = places(scheduler, traits.prediction)
        const sign = traits.ascending === true ? -1 : 1
        const calls = traits.calls ?? 1
        // As an angle, which is finite where nothing of the signal is left.
        const angle = at.map(({ mixed }) => Math.atan2(mixed.noise, mixed.signal))
        for (let i = 1; i < at.length; i++) {
          const within = sign * (angle[i - 1]! - angle[i]!)
          if (!(within >= -1e-12)) throw new LawError(`fall in level to call ${i}`, within, 0)
          if (i % calls !== 0) continue
          const fall = sign * (angle[i - calls]! - angle[i]!)
          if (!(fall > 0)) throw new LawError(`fall in level to step ${i}`, fall, 0)
          const labels = [scheduler.timesteps[i - calls]!.t, scheduler.timesteps[i]!.t] as const
          if (!(sign * (labels[0] - labels[1]) >= 0)) throw new LawError(`label of step ${i}`, labels[1], labels[0])
        }
      }),
      { numRuns: runs },
    ),
}
