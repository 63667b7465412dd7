import { describe, expect, it } from 'vitest'
import type { SchedulerConfig } from '../../../src/schedulers/config.ts'
import type { SchedulerName } from '../../../src/schedulers/by-name.ts'
import { apart, endOf, entry } from './folds.ts'
import { made } from './subjects.ts'

const run = (family: SchedulerName, config: SchedulerConfig, options: object, draws: number, n = 12) =>
  endOf(made(family, config, options)(n), {
    start: entry(0, 0),
    answer: (i) => entry(1, i),
    draws: (i) => entry(draws, i),
  })

/** Law 23: Xue et al. 2023, section 4; Karras et al. 2022, algorithm 2; Zhao et al. 2023, section 3.3. */
describe('law 23: stochastic and corrected methods have their limits', () => {
  it.each([
    ['sa', {}, { tau: () => 0 }, { tau: () => 1 }],
    ['euler', {}, { churn: 0 }, { churn: 4 }],
    ['edm_euler', {}, { churn: 0 }, { churn: 4 }],
    ['ddim', { clip_sample: false }, { eta: 0 }, { eta: 0.5 }],
    ['dpm_sde', {}, { noiseScale: 0 }, { noiseScale: 1 }],
  ] as const)('%s %j is deterministic with %j and not with %j', (family, config, still, noisy) => {
    expect(run(family, config, still, 2)).toEqual(run(family, config, still, 3))
    expect(run(family, config, noisy, 2)).not.toEqual(run(family, config, noisy, 3))
  })
  it('UniPC of order 2 without its corrector is DPM-Solver++(2M)', () => {
    const uncorrected = { solver_order: 2, disable_corrector: Array.from({ length: 12 }, (_, i) => i) }
    const same = { use_karras_sigmas: true }
    const [unipc, dpm] = [run('unipc', { ...same, ...uncorrected }, {}, 2), run('dpm', same, {}, 2)]
    expect(apart(unipc, dpm)).toBeLessThan(1e-9 * Math.max(...dpm.map(Math.abs)))
  })
})
