/** The attention block of k-diffusion's upscalers: attention under norms that are told the time. */
import { pipe } from 'fp-ts/lib/function.js'
import { normOf, record, when, type ParamsOf } from '../../params/codec.ts'
import { layerNorm } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { adaGroupNorm, adaGroupNormOf } from './ada-norm.ts'
import { multiHead, projectionsOf, toImage, toTokens, type Projections } from './attention.ts'
import type { Context } from './context.ts'

/** Everything about one block that is not a parameter. */
export type KAttentionSpec = {
  readonly channels: number
  readonly headDim: number
  readonly temb: number
  /** Is there an attention to itself before the one to the context? */
  readonly self: boolean
  /** Features of the context; as many as the channels unless given. */
  readonly context?: number | undefined
}

/** The parameters of a block. `norm_cross` is for a context, and idle without one. */
export const kAttentionOf = (b: KAttentionSpec) => {
  const { context = b.channels } = b
  const projections = (from: number) =>
    projectionsOf(b.channels, Math.floor(b.channels / b.headDim) * b.headDim, { context: from })
  const norm = () => adaGroupNormOf(b.temb, b.channels)
  return record({
    norm1: when(b.self, norm),
    attn1: when(b.self, () => record(projections(b.channels))),
    norm2: norm(),
    attn2: record({ norm_cross: normOf(context), ...projections(context) }),
  })
}

/** Parameters of a block, under the checkpoint's names. */
export type KAttention = ParamsOf<typeof kAttentionOf>

/** x + attention(norm(x, temb)), once or twice, among the pixels of [N, C, H, W], at last to the states of the context if there are any. */
export const kAttention =
  (p: KAttention, b: KAttentionSpec, temb: Tensor, { states, statesBias, bias }: Context = {}) =>
  (x: Tensor): Tensor => {
    const [, , height, width] = x.shape as [number, number, number, number]
    const groups = Math.max(1, Math.floor(b.channels / 32))
    const attend = (norm: KAttention['norm2'], q: Projections, y: Tensor, context?: Tensor, mask?: Tensor): Tensor =>
      pipe(
        y,
        adaGroupNorm(norm, { groups }, temb),
        toTokens,
        multiHead(q, { headDim: b.headDim, context, mask }),
        toImage(height, width),
      ).add(y)
    const own = p.norm1 && p.attn1 ? attend(p.norm1, p.attn1, x, undefined, bias) : x
    if (states === undefined) return attend(p.norm2, p.attn2, own, undefined, bias)
    return attend(p.norm2, p.attn2, own, layerNorm(p.attn2.norm_cross)(states), statesBias)
  }
