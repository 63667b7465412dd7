import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBrain, fromHalf, toBrain, toHalf, widen } from '../../src/core/dtype.ts'
import { axisOf, broadcast, size, strides } from '../../src/core/shape.ts'
import { betaQuantile, erf, incompleteBeta, logGamma, roundEven } from '../../src/core/special.ts'

describe('shapes', () => {
  it('broadcast as NumPy has it', () => {
    expect(broadcast('add', [[3, 1], [4], [2, 1, 1]])).toEqual([2, 3, 4])
    expect(() => broadcast('add', [[3], [4]])).toThrow('add: [3] and [4] do not broadcast')
    expect(broadcast('add', [[1], [0]])).toEqual([0])
  })
  it('have strides and axes', () => {
    expect(strides([2, 3, 4])).toEqual([12, 4, 1])
    expect(size([])).toBe(1)
    expect(axisOf('sum', [2, 3], -1)).toBe(1)
    expect(() => axisOf('sum', [2, 3], 2)).toThrow('sum: [2, 3] has no axis 2')
  })
})

describe('16-bit floats', () => {
  it('go to numbers and back unchanged, every one of them', () => {
    for (let h = 0; h < 65536; h++) {
      if (!Number.isNaN(fromHalf(h))) expect(toHalf(fromHalf(h))).toBe(h)
      if (!Number.isNaN(fromBrain(h))) expect(toBrain(fromBrain(h))).toBe(h)
    }
  })
  it('are the nearest, ties to even', () => {
    fc.assert(
      fc.property(fc.double({ min: -70000, max: 70000, noNaN: true }), (x) => {
        const h = toHalf(x)
        const here = Math.abs(fromHalf(h) - x)
        for (const other of [h - 1, h + 1].filter((o) => o >= 0 && o < 65536 && Number.isFinite(fromHalf(o))))
          if (Number.isFinite(fromHalf(h))) expect(here).toBeLessThanOrEqual(Math.abs(fromHalf(other) - x))
      }),
    )
    expect([toHalf(1 + 2 ** -11), toHalf(1 + 3 * 2 ** -11)].map(fromHalf)).toEqual([1, 1 + 2 ** -9])
    expect([...(widen('f16', Uint16Array.of(0x3c00, 0xfc00)) as Float32Array)]).toEqual([1, -Infinity])
    expect([...(widen('bf16', Uint16Array.of(0x3f80)) as Float32Array)]).toEqual([1])
  })
})

describe('special functions', () => {
  it('erf, against DLMF 7 and scipy', () => {
    const known: readonly (readonly [number, number])[] = [
      [0, 0],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [2.4, 0.9993114861033549],
      [2.6, 0.9997639655834707],
      [4, 0.9999999845827421],
      [-1, -0.8427007929497149],
      [Infinity, 1],
    ]
    for (const [x, y] of known) expect(erf(x)).toBeCloseTo(y, 14)
    expect(erf(NaN)).toBeNaN()
  })
  it('the Beta distribution, against scipy', () => {
    const known = [
      [0.01, 0.6, 0.6, 0.0007757690394545886],
      [0.3, 2, 3, 0.27238475],
    ] as const
    expect(logGamma(0.6)).toBeCloseTo(0.3982338580692349, 13)
    expect(incompleteBeta(0.5, 0.6, 0.6)).toBeCloseTo(0.5, 14)
    for (const [p, a, b] of known) expect(incompleteBeta(betaQuantile(p, a, b), a, b)).toBeCloseTo(p, 13)
  })
  it('rounding, halves to even', () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 0.4999, NaN].map(roundEven)).toEqual([0, 2, 2, -0, -2, 0, NaN])
  })
})
