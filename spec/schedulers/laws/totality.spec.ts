/**
 * Law 28 over a grid of configs, and over step counts to 1000. `diffusers-failures.json` counts how often diffusers
 * fails on the same grid (`totality-grid.json`): `python3 diffusers_failures.py totality-grid.json
 * diffusers-failures.json`, an exception or a sample that is not finite being a failure.
 */
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/errors.ts'
import { LawError, type Subject } from '../../../src/laws/law.ts'
import { demandFinite } from '../../../src/laws/totality.ts'
import type { SchedulerConfig } from '../../../src/schedulers/config.ts'
import type { SchedulerName } from '../../../src/schedulers/by-name.ts'
import { made } from './subjects.ts'

type Grid = {
  readonly steps: readonly number[]
  readonly spacings: readonly string[]
  readonly schedules: readonly string[]
  readonly families: Readonly<
    Record<string, { readonly grids: readonly SchedulerConfig[]; readonly variants: readonly SchedulerConfig[] }>
  >
}
type Failures = Readonly<Record<string, { readonly cases: number; readonly failures: number }>>
const json = <T>(name: string): T => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as T
const grid = json<Grid>('totality-grid.json')
const theirs = json<Failures>('diffusers-failures.json')

/** The configs of a family on the grid. */
const configsOf = (family: string): readonly SchedulerConfig[] =>
  grid.spacings.flatMap((timestep_spacing) =>
    grid.schedules.flatMap((beta_schedule) =>
      grid.families[family]!.grids.flatMap((g) =>
        grid.families[family]!.variants.map((v) => ({ timestep_spacing, beta_schedule, ...g, ...v })),
      ),
    ),
  )

/** Step counts above 40. */
const spread = [50, 64, 99, 101, 250, 333, 500, 999, 1000]

const finite = (s: Subject): boolean => s.timesteps.every((t) => Object.values(t).every(Number.isFinite))

describe.each(Object.keys(grid.families))('%s', (family) => {
  it('has finite coefficients on the whole grid, where diffusers fails as often as counted', () => {
    const failed: string[] = []
    let cases = 0
    for (const config of configsOf(family))
      for (const n of grid.steps) {
        cases++
        if (!finite(made(family as SchedulerName, config)(n))) failed.push(`${n} ${JSON.stringify(config)}`)
      }
    expect(failed).toEqual([])
    expect(cases).toBe(theirs[family]!.cases)
  })
  it('has finite coefficients for every step count from 1 to 40 and some to 1000', () => {
    const counts = [...Array.from({ length: 40 }, (_, i) => i + 1), ...spread]
    const failed = counts.flatMap((n) =>
      configsOf(family)
        .filter((_, i, all) => all.length < 12 || i % 6 === n % 6)
        .flatMap((config) =>
          finite(made(family as SchedulerName, config)(n)) ? [] : [`${n} ${JSON.stringify(config)}`],
        ),
    )
    expect(failed).toEqual([])
  })
  it('folds finitely for step counts to 1000, every prediction type and any place to begin', () => {
    const steps = fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 40 }) },
      { weight: 1, arbitrary: fc.constantFrom(...spread) },
    )
    const prediction = fc.constantFrom('epsilon', 'v_prediction', ...(family === 'pndm' ? [] : ['sample']))
    fc.assert(
      fc.property(steps, fc.constantFrom(...configsOf(family)), prediction, fc.nat(), (n, config, kind, where) => {
        const make = (begin: number): Subject =>
          made(family as SchedulerName, { ...config, prediction_type: kind }, { begin })(n)
        const count = make(0).timesteps.length
        // Whole pairs of calls.
        const begin = 2 * Math.floor((where % count) / 2)
        demandFinite(make(begin))
      }),
      { numRuns: 20 },
    )
  })
})

describe('what contradicts itself', () => {
  const contradictions: readonly (readonly [SchedulerName, SchedulerConfig, number, string])[] = [
    ['dpm', { algorithm_type: 'dpmsolver', final_sigmas_type: 'zero' }, 10, 'final_sigmas_type'],
    ['dpm', { algorithm_type: 'sde-dpmsolver', final_sigmas_type: 'sigma_min', solver_order: 3 }, 10, 'solver_order'],
    ['dpm', { prediction_type: 'flow_prediction' }, 10, 'prediction_type'],
    ['euler', { use_karras_sigmas: true, use_beta_sigmas: true }, 10, 'use_karras_sigmas'],
    ['pndm', {}, 3, 'skip_prk_steps'],
    ['unclip', {}, 1, 'steps'],
    ['ddim', { rescale_betas_zero_snr: true, timestep_spacing: 'trailing' }, 10, 'prediction_type'],
    ['ddim', {}, 1001, 'steps'],
  ]
  it.each(contradictions)('%s refuses %j in %i steps, naming %s', (family, config, n, field) => {
    expect(() => made(family, config)(n)).toThrow(ConfigError)
    expect(() => made(family, config)(n)).toThrow(field)
  })
  it('is told apart from what is not finite', () => {
    const broken: Subject = { ...made('euler', {})(3), initNoiseSigma: NaN }
    expect(() => demandFinite(broken)).toThrow(LawError)
  })
})
