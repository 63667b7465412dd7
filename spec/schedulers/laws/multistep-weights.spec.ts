import fc from 'fast-check'
import { expect, it } from 'vitest'
import { adamsBashforth } from '../../../src/schedulers/adams-bashforth.ts'
import { adamsWeights } from '../../../src/schedulers/exponential-adams.ts'
import { lmsWeights } from '../../../src/schedulers/lms.ts'

const falls = fc.array(fc.double({ min: 0.1, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 })

/** Law 15: Hairer, Nørsett & Wanner 1993, III.1 and III.5; Zhang & Chen 2022, eq. 15; Zhao et al. 2023, theorem 3.1. */
it('law 15: weights of k answers integrate polynomials of degree k − 1 exactly', () => {
  fc.assert(
    fc.property(falls, fc.integer({ min: 1, max: 4 }), (steps, order) => {
      const sigmas = steps.reduce<number[]>((all, h) => [...all, all.at(-1)! - h], [7])
      const i = 4
      const [a, b] = [sigmas[i]!, sigmas[i + 1]!]
      for (let k = 0; k < order; k++) {
        const exact = (b ** (k + 1) - a ** (k + 1)) / (k + 1)
        const lms = lmsWeights(sigmas, i, order).reduce((sum, w, j) => sum + w * sigmas[i - j]! ** k, 0)
        expect(lms / exact).toBeCloseTo(1, 9)
        // Without the exponential, z = 0, from nodes measured from a.
        const nodes = Array.from({ length: order }, (_, j) => sigmas[i - j]! - a)
        const adams = adamsWeights(nodes, b - a, 0).reduce((sum, w, j) => sum + w * nodes[j]! ** k, 0)
        expect(adams).toBeCloseTo((b - a) ** (k + 1) / (k + 1), 9)
      }
    }),
  )
})

it('law 15: Adams and Bashforth’s weights on an even grid do, those of four slopes being (55, −59, 37, −9)/24', () => {
  for (let there = 0; there < 5; there++) {
    const weights = Object.values(adamsBashforth(there))
    for (let k = 0; k <= Math.min(there, 3); k++)
      expect(weights.reduce((sum, w, j) => sum + w * (-j) ** k, 0)).toBeCloseTo(1 / (k + 1), 12)
  }
  expect(Object.values(adamsBashforth(3)).map((w) => Math.round(24 * w))).toEqual([55, -59, 37, -9])
})
