/** Attention with the projections around it, on tokens and on the pixels of an image. */
import { pipe } from 'fp-ts/lib/function.js'
import { linearOf, listOf, normOf, record, when, type ParamsOf } from '../../params/codec.ts'
import { attention, groupNorm, linear, type Linear } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** The four projections of multi-head attention. */
export type Projections = {
  readonly to_q: Linear
  readonly to_k: Linear
  readonly to_v: Linear
  readonly to_out: readonly Linear[]
}

/** Parameters of multi-head attention: queries from `channels` features, keys and values from `context`, `inner` features inside. */
export const projectionsOf = (channels: number, inner: number, { context = channels, bias = true } = {}) => ({
  to_q: linearOf(channels, inner, { bias }),
  to_k: linearOf(context, inner, { bias }),
  to_v: linearOf(context, inner, { bias }),
  to_out: listOf([linearOf(inner, channels)]),
})

/** Features as heads of `headDim` features: [N, T, heads · D] → [N, heads, T, D]. */
export const intoHeads =
  (headDim: number) =>
  (x: Tensor): Tensor =>
    x.reshape(x.shape[0]!, x.shape[1]!, -1, headDim).permute(0, 2, 1, 3)

/** Heads side by side: [N, heads, T, D] → [N, T, heads · D]. */
export const fromHeads = (x: Tensor): Tensor => x.permute(0, 2, 1, 3).reshape(x.shape[0]!, x.shape[2]!, -1)

/** Attention of tokens [N, T, C] to `context` [N, S, E] (to themselves if not given), in heads of `headDim` features: [N, T, C]. */
export const multiHead =
  (
    p: Projections,
    {
      headDim,
      context,
      mask,
    }: { readonly headDim: number; readonly context?: Tensor | undefined; readonly mask?: Tensor | undefined },
  ) =>
  (x: Tensor): Tensor => {
    const heads = intoHeads(headDim)
    const from = context ?? x
    const y = attention(
      pipe(x, linear(p.to_q), heads),
      pipe(from, linear(p.to_k), heads),
      pipe(from, linear(p.to_v), heads),
      { mask },
    )
    return pipe(y, fromHeads, linear(p.to_out[0]!)) // [N, T, C]
  }

/** The pixels of an image as tokens: [N, C, H, W] → [N, H W, C]. */
export const toTokens = (x: Tensor): Tensor => x.reshape(x.shape[0]!, x.shape[1]!, -1).transpose()

/** Tokens as the pixels of an image: [N, H W, C] → [N, C, H, W]. */
export const toImage =
  (height: number, width: number) =>
  (x: Tensor): Tensor =>
    x.transpose().reshape(x.shape[0]!, x.shape[2]!, height, width)

/** Everything about one image attention that is not a parameter. No groups, no norm. */
export type AttentionSpec = {
  readonly channels: number
  readonly headDim: number
  readonly groups: number | undefined
  readonly eps: number
  /** The sum with the input is divided by this. */
  readonly scale?: number
}

/** The features inside: as many whole heads as the channels hold. */
const innerOf = (b: { readonly channels: number; readonly headDim: number }): number =>
  Math.floor(b.channels / b.headDim) * b.headDim

/** The parameters of an image attention. */
export const imageAttentionOf = (b: AttentionSpec) =>
  record({
    group_norm: when(b.groups !== undefined, () => normOf(b.channels)),
    ...projectionsOf(b.channels, innerOf(b)),
  })

/** Parameters of an image attention, under the checkpoint's names. */
export type ImageAttention = ParamsOf<typeof imageAttentionOf>

/** x + attention(norm x) among the pixels of [N, C, H, W]. Ho et al. 2020, after Wang et al. 2018. */
export const imageAttention =
  (p: ImageAttention, b: AttentionSpec) =>
  (x: Tensor): Tensor => {
    const [, , height, width] = x.shape as [number, number, number, number]
    const norm =
      p.group_norm === undefined ? (y: Tensor) => y : groupNorm(p.group_norm, { groups: b.groups!, eps: b.eps })
    const sum = pipe(x, norm, toTokens, multiHead(p, { headDim: b.headDim }), toImage(height, width)).add(x)
    return b.scale === undefined || b.scale === 1 ? sum : sum.div(b.scale)
  }

const present: Readonly<Record<string, string>> = { query: 'to_q', key: 'to_k', value: 'to_v', proj_attn: 'to_out.0' }

/** The present name of an image attention's tensor under its name before diffusers 0.12: `query` → `to_q`, `proj_attn` → `to_out.0`. */
export const renameAttention = (name: string): string =>
  name.replace(
    /(^|\.)(attentions\.\d+)\.(query|key|value|proj_attn)\.(weight|bias)$/,
    (_, before: string, block: string, old: string, kind: string) => `${before}${block}.${present[old]}.${kind}`,
  )
