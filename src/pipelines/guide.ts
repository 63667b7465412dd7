/** Classifier-free guidance, as a function from denoisers to denoisers. */
import { chunk } from '../tensor/nn.ts'
import { concat, Tensor, type Scalar } from '../tensor/tensor.ts'
import { leaves, mapTree } from '../tensor/tree.ts'
import { ProgramError } from '../errors.ts'
import type { Denoiser } from './sample.ts'

/** What a guided denoiser is given: conditions for N samples, and how strongly they are meant. Without `negative` nothing is guided. */
export type Guided<C> = {
  readonly positive: C
  readonly negative?: C | undefined
  /** w: 1 follows the positive condition alone, 0 the negative one. */
  readonly scale?: Scalar
  /** φ: how much of the standard deviation of the positive answer is restored, 0 … 1. */
  readonly rescale?: Scalar
}

/** Two trees of the same shape as one, each pair of tensors in one batch. Throws `ProgramError`. */
export const together = <T>(first: T, second: T): T => {
  const others = leaves(second)
  if (others.length !== leaves(first).length) throw new ProgramError('guide: the conditions differ in what they hold')
  let at = 0
  return mapTree((leaf) => {
    const [path, other] = others[at++]!
    if (leaf instanceof Tensor && other instanceof Tensor) return concat([leaf, other], 0)
    if (leaf !== other) throw new ProgramError(`guide: the conditions differ in ${path}, which is no tensor`)
    return leaf
  }, first)
}

/** ε = ε₋ + w (ε₊ − ε₋). Ho & Salimans 2022, eq. 6. */
export const guidance = (positive: Tensor, negative: Tensor, scale: Scalar): Tensor =>
  negative.add(positive.sub(negative).mul(scale))

/** √n standard deviations of each sample of n values, [N, 1, …]: a ratio of two has no n. */
const spread = (x: Tensor): Tensor => {
  const axes = x.shape.slice(1).map((_, i) => i + 1)
  return x
    .sub(x.mean(...axes))
    .square()
    .sum(...axes)
    .sqrt()
}

/** φ ε σ₊/σ + (1 − φ) ε: guidance without too much contrast. Lin et al. 2023, eq. 15 and 16. */
export const rescaleGuidance = (guided: Tensor, positive: Tensor, phi: Scalar): Tensor => {
  const restored = guided.mul(spread(positive).div(spread(guided)))
  return guided.add(restored.sub(guided).mul(phi))
}

/** One answer of two: those to the positive and the negative condition, [N, …] each, how strongly they are meant, and the step's time. */
export type Combine = (positive: Tensor, negative: Tensor, scale: Scalar, t: Scalar) => Tensor

/** A function from denoisers to guided denoisers. */
export type Guide = <C>(denoise: Denoiser<C>) => Denoiser<Guided<C>>

/**
 * Guidance that combines the two answers in its own way: `guideBy(guidance)` is `guide`. Both come from one batch of 2 N, negatives first;
 * without a negative condition there is nothing to combine.
 */
export const guideBy =
  (combine: Combine): Guide =>
  (denoise) =>
  (x, t, { positive, negative, scale = 1, rescale }) => {
    if (negative === undefined) return denoise(x, t, positive)
    const answers = denoise(concat([x, x], 0), t, together(negative, positive))
    const [away, towards] = chunk(answers, 2) as [Tensor, Tensor]
    const guided = combine(towards, away, scale, t)
    return rescale === undefined ? guided : rescaleGuidance(guided, towards, rescale)
  }

/** A denoiser that follows one condition and turns away from another: classifier-free guidance. */
export const guide: Guide = guideBy(guidance)
