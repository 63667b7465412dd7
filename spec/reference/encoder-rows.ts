/** How the recorded calls of autoencoders, text encoders and picture encoders are run. */
import { autoencoderKL, AutoencoderKL } from '../../src/models/autoencoder-kl.ts'
import { autoencoderTiny, AutoencoderTiny } from '../../src/models/autoencoder-tiny.ts'
import { clipText, CLIPTextModel, CLIPTextModelWithProjection } from '../../src/models/clip-text.ts'
import { clipVision, CLIPVisionModelWithProjection } from '../../src/models/clip-vision.ts'
import { t5Encoder, T5EncoderModel } from '../../src/models/t5-encoder.ts'
import { vqModel, VQModel } from '../../src/models/vq-model.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import type { Given, MakeRow, Outputs } from './models.ts'

const input = (given: Given, name: string): Tensor => given[name] as Tensor
const optional = (given: Given, name: string): Tensor | undefined => given[name] as Tensor | undefined
const layers = (states: readonly Tensor[]): Outputs =>
  Object.fromEntries(states.map((x, i) => [`hidden_states.${i}`, x] as const))

const text =
  (pooledName: 'pooler_output' | 'text_embeds') =>
  (model: Parameters<typeof clipText>[0]) => {
    const encode = clipText(model)
    return (given: Given): Outputs => {
      const out = encode(input(given, 'input_ids'), { mask: optional(given, 'attention_mask') })
      const pooled = pooledName === 'text_embeds' ? out.textEmbeds! : out.pooled
      return { ...layers(out.hiddenStates), last_hidden_state: out.lastHiddenState, [pooledName]: pooled }
    }
  }

/** A row a class. */
export const encoderRows = (row: MakeRow) => ({
  AutoencoderKL: row(AutoencoderKL, (model) => {
    const { encode, decode } = autoencoderKL(model)
    return (given) => {
      const latents = encode(input(given, 'sample'))
      const noise = input(given, 'encode.noise')
      return {
        'encode.mean': latents.mean,
        'encode.logvar': latents.logvar,
        'encode.std': latents.std,
        'encode.mode': latents.mode(),
        'encode.kl': latents.kl(),
        'encode.noise': noise.add(0),
        'encode.sample': latents.sample(noise),
        'decode.sample': decode(latents.mode()),
      }
    }
  }),
  AutoencoderTiny: row(AutoencoderTiny, (model) => {
    const { encode, decode } = autoencoderTiny(model)
    return (given) => {
      const latents = encode(input(given, 'sample'))
      return { 'encode.latents': latents, 'decode.sample': decode(latents) }
    }
  }),
  VQModel: row(VQModel, (model) => {
    const { encode, quantize, decode } = vqModel(model)
    return (given) => {
      const latents = encode(input(given, 'sample'))
      return {
        'encode.latents': latents,
        'decode.sample': decode(latents),
        'decode.commit_loss': quantize(latents).commitLoss,
      }
    }
  }),
  CLIPTextModel: row(CLIPTextModel, text('pooler_output')),
  CLIPTextModelWithProjection: row(CLIPTextModelWithProjection, text('text_embeds')),
  CLIPVisionModelWithProjection: row(CLIPVisionModelWithProjection, (model) => {
    const encode = clipVision(model)
    return (given) => {
      const out = encode(input(given, 'pixel_values'))
      return {
        ...layers(out.hiddenStates),
        last_hidden_state: out.lastHiddenState,
        image_embeds: out.imageEmbeds,
      }
    }
  }),
  T5EncoderModel: row(T5EncoderModel, (model) => {
    const encode = t5Encoder(model)
    return (given) => {
      const out = encode(input(given, 'input_ids'), { mask: optional(given, 'attention_mask') })
      return { ...layers(out.hiddenStates), last_hidden_state: out.lastHiddenState }
    }
  }),
})
