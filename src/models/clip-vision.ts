/** transformers' CLIPVisionModelWithProjection: CLIP's encoder of pictures. */
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { consistent, defaulted, integer, type Contradiction } from '../core/config.ts'
import { ShapeError } from '../errors.ts'
import type { Architecture, Model } from '../params/architecture.ts'
import { convOf, linearOf, normOf, record, tensorOf, type ParamsOf } from '../params/codec.ts'
import { conv2d, layerNorm, linear } from '../tensor/nn.ts'
import { concat, type Tensor } from '../tensor/tensor.ts'
import { toTokens } from './blocks/attention.ts'
import { clipEncoder, clipEncoderOf, unevenHeads } from './blocks/clip-encoder.ts'
import { hiddenActivationName } from './blocks/hidden-activation.ts'
import { withInertKeys } from './blocks/inert-keys.ts'

const fields = t.type({
  hidden_size: defaulted(integer(1), 768),
  intermediate_size: defaulted(integer(1), 3072),
  projection_dim: defaulted(integer(1), 512),
  num_hidden_layers: defaulted(integer(0), 12),
  num_attention_heads: defaulted(integer(1), 12),
  num_channels: defaulted(integer(1), 3),
  image_size: defaulted(integer(1), 224),
  patch_size: defaulted(integer(1), 32),
  hidden_act: defaulted(hiddenActivationName, 'quick_gelu'),
  layer_norm_eps: defaulted(t.number, 1e-5),
})

/** The config of a CLIP picture encoder, under the original's names and with its defaults. */
export type CLIPVisionConfig = Readonly<t.TypeOf<typeof fields>>

const patchesOf = (c: CLIPVisionConfig): number => Math.floor(c.image_size / c.patch_size) ** 2

const params = (c: CLIPVisionConfig) =>
  record({
    vision_model: record({
      embeddings: record({
        class_embedding: tensorOf(c.hidden_size),
        patch_embedding: convOf(c.num_channels, c.hidden_size, c.patch_size, { bias: false }),
        position_embedding: record({ weight: tensorOf(patchesOf(c) + 1, c.hidden_size) }),
      }),
      pre_layrnorm: normOf(c.hidden_size), // the original's spelling
      encoder: clipEncoderOf(c),
      post_layernorm: normOf(c.hidden_size),
    }),
    visual_projection: linearOf(c.hidden_size, c.projection_dim, { bias: false }),
  })

/** The parameters of a CLIP picture encoder, under the checkpoint's names. */
export type CLIPVisionParams = ParamsOf<typeof params>

const contradictions = (c: CLIPVisionConfig): readonly Contradiction[] => [
  ...unevenHeads(c),
  ...(patchesOf(c) > 0 ? [] : [{ field: 'patch_size', why: `is more than the ${c.image_size} of image_size` }]),
]

/** What a loader needs to know of CLIPVisionModelWithProjection. */
export const CLIPVisionModelWithProjection: Architecture<CLIPVisionConfig, CLIPVisionParams> = {
  className: 'CLIPVisionModelWithProjection',
  config: withInertKeys(consistent(fields, contradictions)),
  params,
  rename: (name) => name,
}

/** What the encoder makes of N pictures, as T = patches + 1 tokens each. */
export type EncodedPicture = {
  /** After the last layer, without a norm: [N, T, C]. */
  readonly lastHiddenState: Tensor
  /** The normed embeddings and the output of every layer: [N, T, C] each. */
  readonly hiddenStates: readonly Tensor[]
  /** The normed class token: [N, C]. */
  readonly pooled: Tensor
  /** `pooled` projected to the space that text and pictures share: [N, projection]. */
  readonly imageEmbeds: Tensor
}

/**
 * CLIP's picture encoder: normalised pictures [N, channels, image_size, image_size] (`ShapeError` otherwise) → hidden states and the pooled
 * picture. Dosovitskiy et al. 2021; Radford et al. 2021, section 2.4.
 */
export const clipVision = ({ config: c, params: p }: Model<CLIPVisionConfig, CLIPVisionParams>) => {
  const { embeddings, pre_layrnorm, encoder, post_layernorm } = p.vision_model
  const eps = c.layer_norm_eps
  return (x: Tensor): EncodedPicture => {
    if (x.shape.length !== 4 || x.shape.slice(2).some((d) => d !== c.image_size))
      throw new ShapeError('clipVision', [x.shape], `is not [N, ${c.num_channels}, ${c.image_size}, ${c.image_size}]`)
    const count = x.shape[0]!
    const patches = pipe(x, conv2d(embeddings.patch_embedding, { stride: c.patch_size }), toTokens) // [N, T − 1, C]
    const first = embeddings.class_embedding.expand(count, 1, c.hidden_size)
    const tokens = concat([first, patches], 1).add(embeddings.position_embedding.weight) // [N, T, C]
    const hiddenStates = pipe(tokens, layerNorm(pre_layrnorm, { eps }), clipEncoder(encoder, c))
    const lastHiddenState = hiddenStates.at(-1)!
    const classToken = lastHiddenState.slice(1, 0, 1).reshape(count, c.hidden_size)
    const pooled = layerNorm(post_layernorm, { eps })(classToken)
    return { lastHiddenState, hiddenStates, pooled, imageEmbeds: linear(p.visual_projection)(pooled) }
  }
}
