/** Adams–Bashforth weights on an even grid. Liu et al. 2022, PNDM, eq. 12; Hairer, Nørsett & Wanner 1993, III.1. */

const table = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]] as const

/** Weights of four slopes, the latest first. */
export type AdamsBashforth = {
  readonly now: number
  readonly ago1: number
  readonly ago2: number
  readonly ago3: number
}

/** The weights that integrate the polynomial through the latest slopes, `there` of them before this one; those not there weigh 0. */
export const adamsBashforth = (there: number): AdamsBashforth => {
  const [now, ago1 = 0, ago2 = 0, ago3 = 0] = table[Math.min(there, 3)]! as readonly [number, ...number[]]
  return { now, ago1, ago2, ago3 }
}
