import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ddimScheduler } from '../../../src/schedulers/ddim.ts'
import { eulerAncestralScheduler } from '../../../src/schedulers/euler-ancestral.ts'
import { tcdScheduler } from '../../../src/schedulers/tcd.ts'

const share = fc.double({ min: 0, max: 1, noNaN: true })

/** Law 12: Song, Meng & Ermon 2020, eq. 12; Karras et al. 2022, algorithm 2 as ancestral sampling splits it. */
it('law 12: what goes on of the noise and what is drawn make up the next level', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), share, (steps, eta) => {
      for (const c of ddimScheduler({}, steps, { eta }).timesteps)
        expect(c.deviation ** 2 + c.direction ** 2).toBeCloseTo(1 - c.toClean ** 2, 12)
      for (const c of tcdScheduler({}, Math.min(steps, 50), { eta }).timesteps)
        expect(c.deviation ** 2 + c.direction ** 2 + c.toClean ** 2).toBeCloseTo(1, 12)
      const { timesteps } = eulerAncestralScheduler({}, steps)
      timesteps.forEach((c, i) => {
        const next = timesteps[i + 1]?.sigma ?? 0
        const down = c.sigma * (1 + c.advance)
        expect((down ** 2 + c.up ** 2 - next ** 2) / Math.max(1, next ** 2)).toBeCloseTo(0, 12)
      })
    }),
    { numRuns: 40 },
  )
})
