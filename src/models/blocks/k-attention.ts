/** The attention block of k-diffusion's upscalers: attention under norms that are told the time. */
import { pipe } from 'fp-ts/lib/function.js'
import { normOf, record, when, type ParamsOf } from '../../params/codec.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { adaGroupNorm, adaGroupNormOf } from './ada-norm.ts'
import { multiHead, projectionsOf, toImage, toTokens, type Projections } from './attention.ts'

/** Everything about one block that is not a parameter. */
export type KAttentionSpec = {
  readonly channels: number
  readonly headDim: number
  readonly temb: number
  /** Is there an attention to itself before the one to the context? */
  readonly self: boolean
}

/** The parameters of a block. `norm_cross` is for a context, and idle without one. */
export const kAttentionOf = (b: KAttentionSpec) => {
  const projections = projectionsOf(b.channels, Math.floor(b.channels / b.headDim) * b.headDim)
  const norm = () => adaGroupNormOf(b.temb, b.channels)
  return record({
    norm1: when(b.self, norm),
    attn1: when(b.self, () => record(projections)),
    norm2: norm(),
    attn2: record({ norm_cross: normOf(b.channels), ...projections }),
  })
}

/** Parameters of a block, under the checkpoint's names. */
export type KAttention = ParamsOf<typeof kAttentionOf>

/** x + attention(norm(x, temb)), once or twice, among the pixels of [N, C, H, W]. */
export const kAttention =
  (p: KAttention, b: KAttentionSpec, temb: Tensor) =>
  (x: Tensor): Tensor => {
    const [, , height, width] = x.shape as [number, number, number, number]
    const groups = Math.max(1, Math.floor(b.channels / 32))
    const attend = (norm: KAttention['norm2'], projections: Projections, y: Tensor): Tensor =>
      pipe(y, adaGroupNorm(norm, { groups }, temb), toTokens, multiHead(projections, b), toImage(height, width)).add(y)
    return attend(p.norm2, p.attn2, p.norm1 && p.attn1 ? attend(p.norm1, p.attn1, x) : x)
  }
