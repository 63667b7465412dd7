/** One attention among pixels and text together, whose keys and values of the text are added. Ramesh et al. 2022; DeepFloyd IF. */
import { pipe } from 'fp-ts/lib/function.js'
import { linearOf, listOf, normOf, record, when, type ParamsOf } from '../../params/codec.ts'
import { attention, groupNorm, layerNorm, linear } from '../../tensor/nn.ts'
import { concat, type Tensor } from '../../tensor/tensor.ts'
import { fromHeads, intoHeads, toImage, toTokens } from './attention.ts'
import type { Context } from './context.ts'

/** Everything about one such attention that is not a parameter. */
export type AddedAttentionSpec = {
  readonly channels: number
  readonly headDim: number
  readonly groups: number
  /** Features of the text. */
  readonly added: number
  /** Are the pixels left out of the keys? */
  readonly onlyCross: boolean
  /** What the text goes through before it is attended to. */
  readonly crossNorm: 'layer_norm' | 'group_norm' | null
}

/** The parameters of such an attention. */
export const addedAttentionOf = (b: AddedAttentionSpec) => {
  const own = () => linearOf(b.channels, b.channels)
  return record({
    group_norm: normOf(b.channels),
    norm_cross: when(b.crossNorm !== null, () => normOf(b.added)),
    to_q: own(),
    to_k: when(!b.onlyCross, own),
    to_v: when(!b.onlyCross, own),
    add_k_proj: linearOf(b.added, b.channels),
    add_v_proj: linearOf(b.added, b.channels),
    to_out: listOf([own()]),
  })
}

/** Parameters of such an attention, under the checkpoint's names. */
export type AddedAttention = ParamsOf<typeof addedAttentionOf>

/** x + attention(norm x, [text, norm x]) of the pixels of [N, C, H, W]. */
export const addedAttention =
  (p: AddedAttention, b: AddedAttentionSpec, { states, statesBias, bias }: Context = {}) =>
  (x: Tensor): Tensor => {
    const [, , height, width] = x.shape as [number, number, number, number]
    const heads = intoHeads(b.headDim)
    const pixels = pipe(x, groupNorm(p.group_norm, { groups: b.groups }), toTokens) // [N, H W, C]
    const text = states === undefined ? toTokens(x) : normed(p, b, states) // [N, S, added]
    const keys = pipe(text, linear(p.add_k_proj), heads)
    const values = pipe(text, linear(p.add_v_proj), heads)
    const k = p.to_k === undefined ? keys : concat([keys, pipe(pixels, linear(p.to_k), heads)], 2)
    const v = p.to_v === undefined ? values : concat([values, pipe(pixels, linear(p.to_v), heads)], 2)
    const mask = covering(bias ?? statesBias, k.shape[2]!)
    return pipe(
      attention(pipe(pixels, linear(p.to_q), heads), k, v, { mask }),
      fromHeads,
      linear(p.to_out[0]!),
      toImage(height, width),
    ).add(x)
  }

const normed = (p: AddedAttention, b: AddedAttentionSpec, states: Tensor): Tensor => {
  if (p.norm_cross === undefined) return states
  if (b.crossNorm === 'layer_norm') return layerNorm(p.norm_cross)(states)
  return groupNorm(p.norm_cross, { groups: 32 })(states.transpose()).transpose()
}

/** A bias for the text alone leaves the pixels behind it as they are. */
const covering = (bias: Tensor | undefined, keys: number): Tensor | undefined =>
  bias?.pad([0, 0, 0, 0], [0, 0, 0, Math.max(0, keys - bias.shape[3]!)])
