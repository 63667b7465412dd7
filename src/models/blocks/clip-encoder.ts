/** The transformer inside CLIP, of text and of pictures alike. */
import { pipe } from 'fp-ts/lib/function.js'
import type { Contradiction } from '../../core/config.ts'
import { linearOf, listOf, normOf, record, type ParamsOf } from '../../params/codec.ts'
import { layerNorm, linear } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { hiddenActivation, type HiddenActivation } from './hidden-activation.ts'
import { multiHead } from './attention.ts'

/** What a config says of the transformer. */
export type ClipEncoderConfig = {
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly hidden_act: HiddenActivation
  readonly layer_norm_eps: number
}

const layerOf = (c: ClipEncoderConfig) => {
  const [width, wide] = [c.hidden_size, c.intermediate_size]
  const square = () => linearOf(width, width)
  return record({
    self_attn: record({ k_proj: square(), v_proj: square(), q_proj: square(), out_proj: square() }),
    layer_norm1: normOf(width),
    mlp: record({ fc1: linearOf(width, wide), fc2: linearOf(wide, width) }),
    layer_norm2: normOf(width),
  })
}

/** The parameters of the transformer. */
export const clipEncoderOf = (c: ClipEncoderConfig) =>
  record({ layers: listOf(Array.from({ length: c.num_hidden_layers }, () => layerOf(c))) })

/** Heads that do not divide the features are a contradiction. */
export const unevenHeads = (c: ClipEncoderConfig): readonly Contradiction[] =>
  c.hidden_size % c.num_attention_heads === 0
    ? []
    : [{ field: 'num_attention_heads', why: `does not divide the ${c.hidden_size} of hidden_size` }]

const layer = (p: ParamsOf<typeof layerOf>, c: ClipEncoderConfig, mask: Tensor | undefined) => {
  const { q_proj, k_proj, v_proj, out_proj } = p.self_attn
  const projections = { to_q: q_proj, to_k: k_proj, to_v: v_proj, to_out: [out_proj] }
  const headDim = c.hidden_size / c.num_attention_heads
  const eps = c.layer_norm_eps
  return (x: Tensor): Tensor => {
    const attended = pipe(x, layerNorm(p.layer_norm1, { eps }), multiHead(projections, { headDim, mask })).add(x)
    return pipe(
      attended,
      layerNorm(p.layer_norm2, { eps }),
      linear(p.mlp.fc1),
      hiddenActivation(c.hidden_act),
      linear(p.mlp.fc2),
    ).add(attended)
  }
}

/**
 * Embeddings [N, T, C] → themselves and the output of every layer, [N, T, C] each; `mask` is added to the scores. Norms come before attention
 * and before the feed-forward layers. Radford et al. 2021, section 2.4.
 */
export const clipEncoder =
  (p: ParamsOf<typeof clipEncoderOf>, c: ClipEncoderConfig, mask?: Tensor) =>
  (x: Tensor): readonly Tensor[] =>
    p.layers.reduce<readonly Tensor[]>((states, l) => [...states, layer(l, c, mask)(states.at(-1)!)], [x])
