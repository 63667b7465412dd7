import fc from 'fast-check'
import { expect, it } from 'vitest'
import { apart, endOf, entry } from './folds.ts'
import { made } from './subjects.ts'

const stepCounts = fc.constantFrom(1, 2, 4, 5, 8, 10, 20, 25, 50)
const config = { clip_sample: false }

/** Law 19: Song, Meng & Ermon 2020, section 4.3. */
it('law 19: DDIM undoes its inversion, where the answers are the same', () => {
  fc.assert(
    fc.property(stepCounts, (n) => {
      const start = entry(0, 0)
      const up = endOf(made('ddim_inverse', config)(n), { start, answer: (i) => entry(1, i) })
      const down = endOf(made('ddim', config)(n), { start: up, answer: (i) => entry(1, n - 1 - i) })
      expect(apart(down, start)).toBeLessThan(1e-9)
    }),
  )
})

it('law 19: with a smooth model the round trip errs in proportion to the step', () => {
  const error = (n: number): number => {
    const lipschitz = (x: number): number => 0.3 * Math.sin(x) + 0.2
    const walk = (family: 'ddim' | 'ddim_inverse', from: number): number => {
      const scheduler = made(family, config)(n)
      return scheduler.timesteps.reduce((x, _, i) => {
        const one = { ...scheduler, timesteps: scheduler.timesteps.slice(i, i + 1) }
        return endOf(one, { start: [x], answer: () => [lipschitz(x)] })[0]!
      }, from)
    }
    return Math.abs(walk('ddim', walk('ddim_inverse', 0.7)) - 0.7)
  }
  const errors = [25, 50, 100, 200].map(error)
  errors.slice(1).forEach((e, i) => expect(e).toBeLessThan(errors[i]! / 1.5))
})
