import { expect, it } from 'vitest'
import { valuesOf, vector } from '../../../src/laws/host.ts'
import type { Subject } from '../../../src/laws/law.ts'
import { silence } from '../../../src/laws/places.ts'
import { endOf, entry } from './folds.ts'
import { made } from './subjects.ts'

const preview = (scheduler: Subject, i: number): readonly number[] =>
  valuesOf([
    scheduler.denoised(
      scheduler.start(vector(entry(0, 0)), silence([4])),
      vector(entry(1, 0)),
      scheduler.timesteps[i]!,
    ),
  ])[0]!

/** Law 22: Song et al. 2023, eq. 5; Luo et al. 2023, section 4.1; Zheng et al. 2024, section 4.2. */
it('law 22: at its end a consistency function is the identity, c_skip = 1 and c_out = 0', () => {
  const cm = made('cm', { clip_denoised: false })(40)
  preview(cm, 39).forEach((v, i) => expect(v).toBeCloseTo(entry(0, 0)[i]!, 12))
  const lcm = made('lcm', { clip_sample: false }, { timesteps: [500, 0] })(2)
  expect(preview(lcm, 1)).toEqual(entry(0, 0))
})

it('law 22: TCD with γ = 0 takes no notice of what is drawn, with γ > 0 it does', () => {
  const run = (eta: number, draws: number): readonly number[] =>
    endOf(made('tcd', { clip_sample: false }, { eta })(4), {
      start: entry(0, 0),
      answer: (i) => entry(1, i),
      draws: (i) => entry(draws, i),
    })
  expect(run(0, 2)).toEqual(run(0, 3))
  expect(run(0.3, 2)).not.toEqual(run(0.3, 3))
})
