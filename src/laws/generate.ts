/** What the laws are tried on. */
import fc from 'fast-check'
import type { Traits } from './law.ts'

/** A number of ordinary size. */
export const value = fc.double({ min: -2, max: 2, noNaN: true })

/** A few of them. */
export const values = (length: number): fc.Arbitrary<number[]> =>
  fc.array(value, { minLength: length, maxLength: length })

/** A step count that the scheduler takes. */
export const stepCounts = ({ steps: { min = 1, max = 20, multipleOf = 1 } = {} }: Traits): fc.Arbitrary<number> =>
  fc.integer({ min: Math.ceil(min / multipleOf), max: Math.floor(max / multipleOf) }).map((k) => k * multipleOf)

/**
 * Numbers between −2 and 2 that a position determines, so that a fold of any length can be given its draws and answers.
 */
export const scrambled =
  (seed: number) =>
  (...position: readonly number[]): number => {
    const mixed = position.reduce((h, p) => Math.imul(h ^ (p + 0x9e3779b9), 0x85ebca6b) ^ (h >>> 13), seed | 0)
    const spread = Math.imul(mixed ^ (mixed >>> 16), 0xc2b2ae35)
    return ((spread >>> 0) / 2 ** 32) * 4 - 2
  }

/** Seeds of `scrambled`. */
export const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 })
