/** transformers' CLIPTextModel and CLIPTextModelWithProjection: CLIP's text encoder. */
import * as t from 'io-ts'
import { consistent, defaulted, integer } from '../core/config.ts'
import { ShapeError } from '../errors.ts'
import type { Architecture, Model } from '../params/architecture.ts'
import { linearOf, normOf, record, tensorOf, when, type ParamsOf } from '../params/codec.ts'
import { argmax, embedding, layerNorm, linear } from '../tensor/nn.ts'
import { iota, type Tensor } from '../tensor/tensor.ts'
import { clipEncoder, clipEncoderOf, unevenHeads } from './blocks/clip-encoder.ts'
import { hiddenActivationName } from './blocks/hidden-activation.ts'
import { withInertKeys } from './blocks/inert-keys.ts'
import { causalMask } from './blocks/token-mask.ts'

const fields = t.type({
  vocab_size: defaulted(integer(1), 49408),
  hidden_size: defaulted(integer(1), 512),
  intermediate_size: defaulted(integer(1), 2048),
  projection_dim: defaulted(integer(1), 512),
  num_hidden_layers: defaulted(integer(0), 12),
  num_attention_heads: defaulted(integer(1), 8),
  max_position_embeddings: defaulted(integer(1), 77),
  hidden_act: defaulted(hiddenActivationName, 'quick_gelu'),
  layer_norm_eps: defaulted(t.number, 1e-5),
  eos_token_id: defaulted(integer(0), 49407),
})

/** The config of a CLIP text encoder, under the original's names and with its defaults. */
export type CLIPTextConfig = Readonly<t.TypeOf<typeof fields>>

const textOf = (c: CLIPTextConfig) =>
  record({
    embeddings: record({
      token_embedding: record({ weight: tensorOf(c.vocab_size, c.hidden_size) }),
      position_embedding: record({ weight: tensorOf(c.max_position_embeddings, c.hidden_size) }),
    }),
    encoder: clipEncoderOf(c),
    final_layer_norm: normOf(c.hidden_size),
  })

const paramsOf = (c: CLIPTextConfig, projects: boolean) =>
  record({
    text_model: textOf(c),
    text_projection: when(projects, () => linearOf(c.hidden_size, c.projection_dim, { bias: false })),
  })

/** The parameters of a CLIP text encoder, under the names of the hub's checkpoints. */
export type CLIPTextParams = ParamsOf<typeof paramsOf>

/** transformers 5 saves CLIPTextModel without the prefix that every checkpoint before it has. */
const rename = (name: string): string => name.replace(/^(?=(embeddings|encoder|final_layer_norm)\.)/, 'text_model.')

const architecture = (className: string, projects: boolean): Architecture<CLIPTextConfig, CLIPTextParams> => ({
  className,
  config: withInertKeys(consistent(fields, unevenHeads)),
  params: (c) => paramsOf(c, projects),
  rename,
})

/** What a loader needs to know of CLIPTextModel. */
export const CLIPTextModel = architecture('CLIPTextModel', false)

/** What a loader needs to know of CLIPTextModelWithProjection. */
export const CLIPTextModelWithProjection = architecture('CLIPTextModelWithProjection', true)

/** What the encoder makes of N prompts of T tokens. */
export type EncodedText = {
  /** After the last layer and the final norm: [N, T, C]. */
  readonly lastHiddenState: Tensor
  /** The embeddings and the output of every layer, none of them normed: [N, T, C] each. */
  readonly hiddenStates: readonly Tensor[]
  /** The last hidden state at the end of the text: [N, C]. */
  readonly pooled: Tensor
  /** `pooled` projected to the space that text and pictures share, [N, projection]; only with a projection. */
  readonly textEmbeds: Tensor | undefined
}

/** What the encoder can be told beside the tokens: a mask [N, T], zero where a token is not to be seen. */
export type TextOptions = { readonly mask?: Tensor | undefined }

/** The final norm, [N, T, C] → [N, T, C]; Stable Diffusion's `clip_skip` applies it to an earlier hidden state. */
export const clipFinalNorm = ({ config: c, params: p }: Model<CLIPTextConfig, CLIPTextParams>) =>
  layerNorm(p.text_model.final_layer_norm, { eps: c.layer_norm_eps })

/**
 * CLIP's text encoder: token ids [N, T] (i32), T ≤ max_position_embeddings or `ShapeError`, → hidden states and the pooled text. No token sees
 * those after it. Radford et al. 2021, section 2.4.
 */
export const clipText = (model: Model<CLIPTextConfig, CLIPTextParams>) => {
  const { config: c, params: p } = model
  const { embeddings, encoder } = p.text_model
  return (ids: Tensor, { mask }: TextOptions = {}): EncodedText => {
    const [count, length] = ids.shape as [number, number]
    if (ids.shape.length !== 2) throw new ShapeError('clipText', [ids.shape], 'is not [prompts, tokens]')
    if (length > c.max_position_embeddings)
      throw new ShapeError('clipText', [ids.shape], `has more than ${c.max_position_embeddings} tokens`)
    const positions = embeddings.position_embedding.weight.slice(0, 0, length) // [T, C]
    const x = embedding(embeddings.token_embedding)(ids).add(positions) // [N, T, C]
    const hiddenStates = clipEncoder(encoder, c, causalMask(ids, mask))(x)
    const lastHiddenState = clipFinalNorm(model)(hiddenStates.at(-1)!)
    // Configs before July 2023 say 2, whatever the vocabulary: there the end of the text is the token with the largest id.
    const ends = c.eos_token_id === 2 ? argmax(ids) : argmax(ids.eq(c.eos_token_id).to('i32')) // [N, 1]
    const rows = iota(count).mul(length).add(ends.reshape(-1)) // [N]
    const pooled = lastHiddenState.reshape(count * length, c.hidden_size).gather(0, rows)
    const textEmbeds = p.text_projection === undefined ? undefined : linear(p.text_projection)(pooled)
    return { lastHiddenState, hiddenStates, pooled, textEmbeds }
  }
}
