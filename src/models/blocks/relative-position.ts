/** T5's buckets of relative positions. */
import { fromStorage, type Tensor } from '../../tensor/tensor.ts'

const round = Math.fround

/** How distances share buckets: those from `maxDistance` on share the last one of their direction. */
export type BucketOptions = { readonly buckets: number; readonly maxDistance: number }

/**
 * The bucket of every pair of a token and one that it attends to, [length, length] (i32): half of the buckets are for either direction, half
 * of those for single distances, and the rest for distances that grow geometrically. In float32, as the original computes them, since a
 * distance on the border of two buckets goes where rounding sends it. Raffel et al. 2020, section 2.1.
 */
export const relativeBuckets = (length: number, { buckets, maxDistance }: BucketOptions): Tensor => {
  const half = Math.floor(buckets / 2)
  const exact = Math.floor(half / 2)
  const span = round(Math.log(maxDistance / exact))
  const far = (d: number): number => {
    const share = round(round(Math.log(round(d / exact))) / span)
    return Math.min(exact + Math.trunc(round(share * (half - exact))), half - 1)
  }
  const byDistance = Array.from({ length }, (_, d) => (d < exact ? d : far(d)))
  const at = Int32Array.from({ length: length * length }, (_, i) => {
    const ahead = (i % length) - Math.floor(i / length)
    return byDistance[Math.abs(ahead)]! + (ahead > 0 ? half : 0)
  })
  return fromStorage(at, [length, length], 'i32')
}
