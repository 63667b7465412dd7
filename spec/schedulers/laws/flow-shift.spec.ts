import fc from 'fast-check'
import { expect, it } from 'vitest'
import { flowSigmas } from '../../../src/schedulers/lambda-grid.ts'
import { apart, endOf, entry } from './folds.ts'
import { made } from './subjects.ts'

const shift = fc.double({ min: 0.2, max: 8, noNaN: true })
const f = (a: number, s: number): number => (a * s) / (1 + (a - 1) * s)

/**
 * Law 20: Esser et al. 2024, section 5.3.2: σ ↦ a σ/(1 + (a − 1) σ) is a group under a, fixes 0 and 1, and is monotone.
 */
it('law 20: shifts of a flow compose', () => {
  fc.assert(
    fc.property(shift, shift, fc.integer({ min: 1, max: 100 }), (a, b, n) => {
      const plain = flowSigmas(n, 1000, 1)
      const once = flowSigmas(n, 1000, a * b)
      plain.forEach((s, i) => {
        expect(once[i]).toBeCloseTo(f(a, f(b, s)), 12)
        expect(f(1 / a, f(a, s))).toBeCloseTo(s, 12)
      })
      once.slice(1).forEach((s, i) => expect(s).toBeLessThan(once[i]!))
    }),
    { numRuns: 50 },
  )
})

/** Liu et al. 2022: along a straight path one Euler step is exact, and Heun's are. */
it('law 20: a constant flow ends at x₀ in any number of steps', () => {
  fc.assert(
    fc.property(fc.constantFrom('flow_euler', 'flow_heun'), shift, fc.integer({ min: 1, max: 20 }), (family, a, n) => {
      const [x0, e] = [entry(0, 0), entry(0, 1)]
      const flow = e.map((v, i) => v - x0[i]!)
      const scheduler = made(family, { shift: a })(n)
      expect(apart(endOf(scheduler, { start: e, answer: () => flow }), x0)).toBeLessThan(1e-9)
    }),
    { numRuns: 30 },
  )
})
