import fc from 'fast-check'
import { expect, it } from 'vitest'
import { apart, endOf, entry } from './folds.ts'
import { made } from './subjects.ts'

const grids = fc
  .uniqueArray(fc.integer({ min: 0, max: 999 }), { minLength: 2, maxLength: 12 })
  .map((ts) => ts.toSorted((a, b) => b - a))

/** Law 11: Song, Meng & Ermon 2020, section 4.1, on any grid, skipped steps included. */
it('law 11: DDIM with η = 1 is DDPM with its least variance, draw for draw', () => {
  fc.assert(
    fc.property(grids, (timesteps) => {
      const run = { start: entry(0, 0), answer: (i: number) => entry(1, i), draws: (i: number) => entry(2, i) }
      const steps = timesteps.length - 1
      const [ddpm, ddim] = (['ddpm', 'ddim'] as const).map((family) => {
        const options = { timesteps, ...(family === 'ddim' ? { eta: 1 } : {}) }
        return endOf(made(family, { clip_sample: false }, options)(timesteps.length), { ...run, steps })
      })
      expect(apart(ddpm!, ddim!)).toBeLessThan(1e-9 * Math.max(1, ...ddim!.map(Math.abs)))
    }),
    { numRuns: 40 },
  )
})
