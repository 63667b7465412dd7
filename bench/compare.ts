/** Is it the same work? */

/** The largest difference, as a part of the largest value; NaN where lengths differ or a value is none. */
export const difference = (got: Float32Array, want: Float32Array): number => {
  if (got.length !== want.length || got.length === 0) return NaN
  let [apart, scale] = [0, 0]
  for (let i = 0; i < got.length; i++) {
    const d = Math.abs(got[i]! - want[i]!)
    if (Number.isNaN(d)) return NaN
    apart = Math.max(apart, d)
    scale = Math.max(scale, Math.abs(want[i]!))
  }
  return scale === 0 ? apart : apart / scale
}

/** Float32 arithmetic in another order stays within this over a fold of a few steps. */
export const tolerance = 1e-3

/** The middle one. */
export const median = (xs: readonly number[]): number => {
  const sorted = [...xs].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
