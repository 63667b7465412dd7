/** What a comparison with a recording found. */
export type Check = {
  readonly name: string
  /** The largest error, in the units of `tolerance`; NaN when there was nothing to compare. */
  readonly error: number
  readonly tolerance: number
  readonly pass: boolean
  /** Why it was not compared. */
  readonly skipped?: string
  /** What failed, when it is no number. */
  readonly why?: string
}

/** max |a − b|; ∞ where one is not finite and the other differs, or the lengths do. */
export const largest = (got: ArrayLike<number>, want: ArrayLike<number>): number => {
  if (got.length !== want.length) return Infinity
  let most = 0
  for (let i = 0; i < want.length; i++) {
    const [a, b] = [got[i]!, want[i]!]
    if (Object.is(a, b) || a === b) continue
    const d = Math.abs(a - b)
    most = Math.max(most, Number.isNaN(d) ? Infinity : d)
  }
  return most
}

/** A comparison by absolute error. */
export const compared = (name: string, error: number, tolerance: number): Check => ({ name, error, tolerance, pass: error <= tolerance })
