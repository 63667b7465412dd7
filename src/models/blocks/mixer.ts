/** The attentions of a UNet's blocks, whichever of the five kinds they are. */
import type { Tensor } from '../../tensor/tensor.ts'
import { addedAttention, addedAttentionOf, type AddedAttention, type AddedAttentionSpec } from './added-attention.ts'
import { imageAttention, imageAttentionOf, type AttentionSpec, type ImageAttention } from './attention.ts'
import type { Context } from './context.ts'
import {
  dualTransformer,
  dualTransformerOf,
  type DualTransformer,
  type DualTransformerSpec,
} from './dual-transformer.ts'
import { kAttention, kAttentionOf, type KAttention, type KAttentionSpec } from './k-attention.ts'
import { transformer2d, transformer2dOf, type Transformer2d, type TransformerSpec } from './transformer-2d.ts'

/** An attention of any kind. */
export type MixerSpec = AttentionSpec | KAttentionSpec | TransformerSpec | DualTransformerSpec | AddedAttentionSpec
/** Parameters of an attention of any kind. */
export type Mixer = ImageAttention | KAttention | Transformer2d | DualTransformer | AddedAttention

/** The parameters of an attention of any kind. */
export const mixerOf = (b: MixerSpec) => {
  if ('self' in b) return kAttentionOf(b)
  if ('depth' in b) return transformer2dOf(b)
  if ('dual' in b) return dualTransformerOf(b)
  if ('added' in b) return addedAttentionOf(b)
  return imageAttentionOf(b)
}

/** An attention of any kind; only some of them see the context. */
export const mixer =
  (p: Mixer, b: MixerSpec, temb?: Tensor, context?: Context) =>
  (x: Tensor): Tensor => {
    if ('attn2' in p) return kAttention(p, b as KAttentionSpec, temb!, context)(x)
    if ('transformer_blocks' in p) return transformer2d(p, b as TransformerSpec, context)(x)
    if ('transformers' in p) return dualTransformer(p, b as DualTransformerSpec, context)(x)
    if ('add_k_proj' in p) return addedAttention(p, b as AddedAttentionSpec, context)(x)
    return imageAttention(p, b as AttentionSpec)(x)
  }
