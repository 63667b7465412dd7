import fc from 'fast-check'
import { expect, it } from 'vitest'
import { betasOf, cumulated, rescaleZeroTerminalSnr } from '../../../src/schedulers/betas.ts'

const schedules = fc.record({
  beta_start: fc.double({ min: 1e-5, max: 1e-3, noNaN: true }),
  beta_end: fc.double({ min: 2e-3, max: 3e-2, noNaN: true }),
  beta_schedule: fc.constantFrom('linear' as const, 'scaled_linear' as const),
  num_train_timesteps: fc.integer({ min: 10, max: 1000 }),
  trained_betas: fc.constant(null),
})

/** Law 4: Lin et al. 2023, algorithm 1. β is read in float32 by `cumulated`, so ᾱ comes back to 1e-6. */
it('law 4: rescaled to zero terminal signal, √ᾱ ends at 0, begins as before, and is affine in the old', () => {
  fc.assert(
    fc.property(schedules, (o) => {
      const betas = betasOf(o)
      const before = cumulated(betas).map(Math.sqrt)
      const rescaled = rescaleZeroTerminalSnr(betas)
      let bar = 1
      const after = rescaled.map((b) => Math.sqrt((bar *= 1 - b)))
      expect(after.at(-1)).toBe(0)
      expect(after[0]).toBeCloseTo(before[0]!, 12)
      const slope = before[0]! / (before[0]! - before.at(-1)!)
      after.forEach((root, i) => expect(root).toBeCloseTo((before[i]! - before.at(-1)!) * slope, 9))
    }),
    { numRuns: 40 },
  )
})
