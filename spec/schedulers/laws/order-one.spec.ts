import fc from 'fast-check'
import { expect, it } from 'vitest'
import { eulerScheduler } from '../../../src/schedulers/euler.ts'
import { apart, endOf, entry } from './folds.ts'
import { made } from './subjects.ts'

const grids = fc
  .uniqueArray(fc.integer({ min: 0, max: 999 }), { minLength: 2, maxLength: 12 })
  .map((ts) => ts.toSorted((a, b) => b - a))

/**
 * Law 10: Lu et al. 2022a, section 4.1; 2022b; Zhao et al. 2023; Zhang & Chen 2022. Exponential integrators read ᾱ in
 * float32, so they agree with each other to rounding and with DDIM to float32's.
 */
it('law 10: DDIM, Euler in x/a, DPM-Solver(++)-1, UniP-1 and DEIS-1 are one method, for any answers', () => {
  fc.assert(
    fc.property(grids, (timesteps) => {
      const n = timesteps.length
      // Up to the last level of the grid: beyond it they end at different ones.
      const run = { start: entry(0, 0), answer: (i: number) => entry(1, i), steps: n - 1 }
      const given = { timesteps }
      const ddim = endOf(made('ddim', { clip_sample: false }, given)(n), run)
      const one = { solver_order: 1 }
      const others = [
        made('dpm', one, given),
        made('dpm', { ...one, algorithm_type: 'dpmsolver', final_sigmas_type: 'sigma_min' }, given),
        made('unipc', { ...one, disable_corrector: timesteps.map((_, i) => i) }, given),
        made('unipc', { ...one, predict_x0: false, disable_corrector: timesteps.map((_, i) => i) }, given),
        made('deis', one, given),
      ].map((make) => endOf(make(n), run))
      const scale = Math.max(1, ...ddim.map(Math.abs))
      for (const end of others) {
        expect(apart(end, others[0]!)).toBeLessThan(1e-9 * scale)
        expect(apart(end, ddim)).toBeLessThan(1e-4 * scale)
      }
      const euler = eulerScheduler({}, n, given)
      const scaled = (i: number): number => Math.hypot(euler.timesteps[i]!.sigma, 1)
      const end = endOf(made('euler', {}, given)(n), { ...run, start: run.start.map((x) => x * scaled(0)) }).map(
        (x) => x / scaled(n - 1),
      )
      expect(apart(end, ddim)).toBeLessThan(1e-9 * scale)
    }),
    { numRuns: 40 },
  )
})
