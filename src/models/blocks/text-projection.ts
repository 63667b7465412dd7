/** What is done to the hidden states of an encoder, or to a picture's embedding, before a UNet's attentions see them. */
import { linearOf, normOf, record, type ParamsOf } from '../../params/codec.ts'
import { layerNorm, linear } from '../../tensor/nn.ts'
import { concat, type Tensor } from '../../tensor/tensor.ts'
import { wanted } from './wanted.ts'

/** Which of the three, from `inner` features to the `context` features of the attentions. */
export type TextProjectionSpec = {
  readonly type: 'text_proj' | 'text_image_proj' | 'image_proj'
  readonly inner: number
  readonly context: number
}

/** The tokens that a picture's embedding becomes, beside a text and alone. */
const beside = 10
const alone = 32

/** The parameters of a projection. */
export const textProjectionOf = ({ type, inner, context }: TextProjectionSpec) => {
  switch (type) {
    case 'text_proj':
      return linearOf(inner, context)
    case 'text_image_proj':
      return record({ image_embeds: linearOf(context, beside * context), text_proj: linearOf(inner, context) })
    case 'image_proj':
      return record({ image_embeds: linearOf(inner, alone * context), norm: normOf(context) })
  }
}

/** Parameters of a projection, under the checkpoint's names. */
export type TextProjection = ParamsOf<typeof textProjectionOf>

/**
 * Hidden states [N, S, inner] and the embedding of a picture [N, inner], whichever there are, as what attentions see: [N, S′, context].
 * `ProgramError` when what the model wants is not there.
 */
export const textProjection = (p: TextProjection, states: Tensor | undefined, image: Tensor | undefined): Tensor => {
  if ('weight' in p) return linear(p)(wanted('encoderHiddenStates', states))
  const picture = linear(p.image_embeds)(wanted('added.imageEmbeds', image))
  const tokens = (count: number): Tensor => picture.reshape(picture.shape[0]!, count, -1)
  if ('norm' in p) return layerNorm(p.norm)(tokens(alone))
  return concat([tokens(beside), linear(p.text_proj)(wanted('encoderHiddenStates', states))], 1)
}
