/** Large pictures in overlapping tiles, so that memory stays that of one tile; and batches one sample at a time. */
import { ConfigError } from '../../errors.ts'
import { concat, full, iota, type Tensor } from '../../tensor/tensor.ts'

/** Sizes of a tiling, in elements of one side: `from` and `to` of a tile before and after the function, `overlap` a share of a tile. */
export type Tiling = { readonly from: number; readonly to: number; readonly overlap: number }

/** The first elements of `b` along an axis faded in over the last of `a`: a (1 − i / n) + b i / n for i < n. */
const blend = (axis: 2 | 3, extent: number, a: Tensor, b: Tensor): Tensor => {
  const n = Math.min(a.shape[axis]!, b.shape[axis]!, extent)
  if (n === 0) return b
  const ramp = iota(n, 'f32')
    .div(n)
    .reshape(...(axis === 2 ? [1, 1, n, 1] : [1, 1, 1, n]))
  const tail = a.slice(axis, a.shape[axis]! - n)
  const head = tail.mul(full([], 1).sub(ramp)).add(b.slice(axis, 0, n).mul(ramp))
  return concat([head, b.slice(axis, n)], axis)
}

const steps = (length: number, step: number): readonly number[] =>
  Array.from({ length: Math.ceil(length / step) }, (_, i) => i * step)

/**
 * f on overlapping tiles, the results faded into each other, as diffusers' AutoencoderKL blends them: every tile into the one above, then
 * into the one to the left, both already blended. A picture of one tile is f's own.
 */
export const tiled =
  ({ from, to, overlap }: Tiling, f: (x: Tensor) => Tensor) =>
  (x: Tensor): Tensor => {
    const [, , height, width] = x.shape as [number, number, number, number]
    if (height <= from && width <= from) return f(x)
    const step = Math.trunc(from * (1 - overlap))
    const extent = Math.trunc(to * overlap)
    const kept = to - extent
    if (step < 1 || kept < 1)
      throw new ConfigError('tiling', { from, to, overlap }, [], 'leaves nothing of a tile beside its overlap')
    const [rows, columns] = [steps(height, step), steps(width, step)]
    const blended = rows.reduce<readonly (readonly Tensor[])[]>((above, top) => {
      const row = columns.reduce<readonly Tensor[]>((left, start, j) => {
        const tile = f(x.slice(2, top, top + from).slice(3, start, start + from))
        const over = above.at(-1)?.[j]
        const beside = left.at(-1)
        const lower = over === undefined ? tile : blend(2, extent, over, tile)
        return [...left, beside === undefined ? lower : blend(3, extent, beside, lower)]
      }, [])
      return [...above, row]
    }, [])
    const crop = (tile: Tensor): Tensor => tile.slice(2, 0, kept).slice(3, 0, kept)
    return concat(
      blended.map((row) => concat(row.map(crop), 3)),
      2,
    )
  }

/** f on every sample by itself: [N, …] → [N, …]. */
export const sliced =
  (f: (x: Tensor) => Tensor) =>
  (x: Tensor): Tensor => {
    const count = x.shape[0]!
    return count > 1
      ? concat(
          Array.from({ length: count }, (_, i) => f(x.slice(0, i, i + 1))),
          0,
        )
      : f(x)
  }
