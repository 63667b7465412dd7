import fc from 'fast-check'
import { expect, it } from 'vitest'
import { exponentialSigmas, karrasSigmas } from '../../../src/schedulers/sigmas.ts'

const ends = fc.tuple(fc.double({ min: 1e-3, max: 1, noNaN: true }), fc.double({ min: 2, max: 200, noNaN: true }))

/**
 * Law 3: Karras et al. 2022, eq. 5: σ^(1/ρ) is evenly spaced, and the grid has both ends; ln σ of the exponential one,
 * which nests.
 */
it('law 3: named grids are even in σ^(1/ρ) and in ln σ, have both ends, and nest under refinement', () => {
  fc.assert(
    fc.property(
      ends,
      fc.integer({ min: 3, max: 60 }),
      fc.double({ min: 1, max: 9, noNaN: true }),
      ([min, max], n, rho) => {
        const even = (values: readonly number[]): void =>
          values
            .slice(2)
            .forEach((v, i) => expect(Math.abs(v - 2 * values[i + 1]! + values[i]!)).toBeLessThan(1e-12 * n))
        const karras = karrasSigmas(max, min, n, rho)
        const exponential = exponentialSigmas(max, min, n)
        even(karras.map((s) => s ** (1 / rho) / max ** (1 / rho)))
        even(exponential.map((s) => Math.log(s) / Math.log(max / min)))
        for (const grid of [karras, exponential]) {
          expect(grid[0]! / max).toBeCloseTo(1, 12)
          expect(grid.at(-1)! / min).toBeCloseTo(1, 10)
        }
        const fine = exponentialSigmas(max, min, 2 * n - 1)
        exponential.forEach((s, i) => expect(fine[2 * i]! / s).toBeCloseTo(1, 11))
      },
    ),
  )
})
