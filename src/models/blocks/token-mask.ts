/** Masks of tokens, as what attention adds to its scores. */
import { ShapeError } from '../../errors.ts'
import { iota, type Tensor } from '../../tensor/tensor.ts'

/** The lowest float32: a score this low gets no weight, and a row of nothing else is a mean and not NaN. */
const lowest = -3.4028234663852886e38

const scores = (seen: Tensor): Tensor => seen.where(0, lowest)

/** A mask of tokens [N, T], zero for padding, as bools [N, 1, 1, T]. */
const seenOf = (mask: Tensor, ids: Tensor): Tensor => {
  if (mask.shape.length !== 2 || mask.shape.some((d, i) => d !== ids.shape[i]))
    throw new ShapeError('attention mask', [mask.shape, ids.shape], 'are not a mask of the tokens')
  return mask.to('bool').reshape(mask.shape[0]!, 1, 1, mask.shape[1]!)
}

/** What attention among tokens adds to its scores so that padding is not seen: [N, 1, 1, T]; undefined without a mask. */
export const paddingMask = (ids: Tensor, mask?: Tensor): Tensor | undefined =>
  mask === undefined ? undefined : scores(seenOf(mask, ids))

/** The same where no token sees those after it: [1 or N, 1, T, T]. */
export const causalMask = (ids: Tensor, mask?: Tensor): Tensor => {
  const length = ids.shape[1]!
  const causal = iota(length)
    .reshape(1, 1, 1, length)
    .le(iota(length).reshape(1, 1, length, 1)) // [1, 1, T, T]
  return scores(mask === undefined ? causal : causal.and(seenOf(mask, ids)))
}
