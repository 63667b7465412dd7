/** The transformer of Stable Diffusion's UNets: pixels attend to each other, then to a text. */
import { pipe } from 'fp-ts/lib/function.js'
import { linearOf, convOf, listOf, normOf, record, when, type ParamsOf } from '../../params/codec.ts'
import { groupNorm, layerNorm, linear, type Linear } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { multiHead, projectionsOf, toImage, toTokens } from './attention.ts'
import type { Context } from './context.ts'
import { feedForward, feedForwardOf } from './feed-forward.ts'
import { gatedAttention, gatedAttentionOf } from './gligen.ts'

/** Everything about one transformer that is not a parameter. */
export type TransformerSpec = {
  readonly channels: number
  readonly heads: number
  readonly headDim: number
  readonly groups: number
  /** Features of the text. */
  readonly context: number
  /** Transformer blocks one after the other. */
  readonly depth: number
  /** Are the projections linear layers? Otherwise 1 × 1 convolutions, which is only another shape of the same weights. */
  readonly linear: boolean
  /** Does the first attention see the text too, and not the pixels? */
  readonly onlyCross: boolean
  /** Can the pixels attend to grounded objects? */
  readonly gated: boolean
}

/** The parameters of one block of a transformer. */
export const transformerBlockOf = (b: TransformerSpec) => {
  const inner = b.heads * b.headDim
  const projections = (context: number) => record(projectionsOf(inner, inner, { context, bias: false }))
  return record({
    norm1: normOf(inner),
    attn1: projections(b.onlyCross ? b.context : inner),
    norm2: normOf(inner),
    attn2: projections(b.context),
    norm3: normOf(inner),
    ff: feedForwardOf(inner),
    fuser: when(b.gated, () => gatedAttentionOf(inner, b.context, inner)),
  })
}

/** x + attention(norm x), + attention(norm x, text), + feedForward(norm x): [N, T, C] → [N, T, C]. Rombach et al. 2022, table 11. */
export const transformerBlock =
  (p: ParamsOf<typeof transformerBlockOf>, b: TransformerSpec, { states, statesBias, bias, objects }: Context) =>
  (x: Tensor): Tensor => {
    const { headDim } = b
    const first = multiHead(p.attn1, { headDim, context: b.onlyCross ? states : undefined, mask: bias })
    const second = multiHead(p.attn2, { headDim, context: states, mask: statesBias })
    const own = x.add(pipe(x, layerNorm(p.norm1), first))
    const grounded =
      p.fuser === undefined || objects === undefined ? own : gatedAttention(p.fuser, headDim, objects)(own)
    const told = grounded.add(pipe(grounded, layerNorm(p.norm2), second))
    return told.add(pipe(told, layerNorm(p.norm3), feedForward(p.ff)))
  }

/** The parameters of a transformer. */
export const transformer2dOf = (b: TransformerSpec) => {
  const inner = b.heads * b.headDim
  const projection = (from: number, to: number) => (b.linear ? linearOf(from, to) : convOf(from, to, 1))
  return record({
    norm: normOf(b.channels),
    proj_in: projection(b.channels, inner),
    transformer_blocks: listOf(Array.from({ length: b.depth }, () => transformerBlockOf(b))),
    proj_out: projection(inner, b.channels),
  })
}

/** Parameters of a transformer, under the checkpoint's names. */
export type Transformer2d = ParamsOf<typeof transformer2dOf>

/** A 1 × 1 convolution of an image is a linear layer of its pixels. */
const flat = (p: Linear): Linear => ({ ...p, weight: p.weight.reshape(p.weight.shape[0]!, -1) })

/** x + project(blocks(project(norm x))) among the pixels of [N, C, H, W]. */
export const transformer2d =
  (p: Transformer2d, b: TransformerSpec, context: Context = {}) =>
  (x: Tensor): Tensor => {
    const [, , height, width] = x.shape as [number, number, number, number]
    const tokens = pipe(x, groupNorm(p.norm, { groups: b.groups, eps: 1e-6 }), toTokens, linear(flat(p.proj_in))) // [N, H W, inner]
    const seen = p.transformer_blocks.reduce((y, block) => transformerBlock(block, b, context)(y), tokens)
    return pipe(seen, linear(flat(p.proj_out)), toImage(height, width)).add(x)
  }
