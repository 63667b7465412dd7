import fc from 'fast-check'
import { expect, it } from 'vitest'
import { edmScale, edmTime, edmWeights } from '../../../src/schedulers/edm.ts'

const level = fc.double({ min: 1e-4, max: 200, noNaN: true })

/** Law 21: Karras et al. 2022, table 1. */
it('law 21: c_in, c_skip, c_out and c_noise are those of the table, and without noise D(x) = x', () => {
  fc.assert(
    fc.property(level, fc.double({ min: 0.1, max: 2, noNaN: true }), (sigma, data) => {
      const variance = sigma ** 2 + data ** 2
      expect(edmScale(sigma, data) ** 2 * variance).toBeCloseTo(1, 12)
      const { kept, told } = edmWeights('epsilon', sigma, data)
      expect(kept).toBeCloseTo(data ** 2 / variance, 12)
      expect(told ** 2).toBeCloseTo((sigma ** 2 * data ** 2) / variance, 12)
      expect(edmWeights('v_prediction', sigma, data)).toEqual({ kept, told: -told })
      expect(edmTime(sigma)).toBeCloseTo(Math.log(sigma) / 4, 12)
      expect(edmWeights('epsilon', 0, data)).toEqual({ kept: 1, told: 0 })
    }),
  )
})
