/** Parts of a picture drawn anew. */
import { ConfigError } from '../errors.ts'
import { compile } from '../backend/compile.ts'
import type { Image } from '../image/image.ts'
import { maskTensor, pictureTensor } from '../image/preprocess.ts'
import { resizeNearest } from '../tensor/nn.ts'
import { noise } from '../tensor/noise.ts'
import { concat, type Tensor } from '../tensor/tensor.ts'
import { conditionalUnet, repeated } from './condition.ts'
import { guidance, guideBy } from './guide.ts'
import type { ImageRequest } from './image-to-image.ts'
import { keepKnown } from './keep-known.ts'
import {
  latentPipeline,
  memo,
  needsImage,
  schedulersOf,
  type DrawPrompt,
  type PipelineOptions,
  type SampleState,
} from './latent-pipeline.ts'
import { latentCodec, latentShape } from './latents.ts'
import { conditionsOf, picturesOf, sizeOf } from './request.ts'
import { follow, reducerOf } from './sample.ts'
import { pixelsPerLatent, type StableDiffusion, type StableDiffusionXL } from './stable-diffusion.ts'
import { beginAt } from './strength.ts'

/** A picture, and white where it is to be drawn anew. */
export type InpaintRequest = ImageRequest & { readonly mask: Image }

/**
 * `inpaint(sd)({ prompt, image, mask }, seed(0))`, as diffusers' StableDiffusionInpaintPipeline does it: a UNet of 9 channels sees the mask
 * and the masked picture; one of 4 is brought back to the picture outside the mask after every step. Strength 1 (the default) starts
 * from noise alone. Draws, in this order: for the encoder if the picture's latents are needed, the noise, for the encoder of the masked
 * picture, then the scheduler's.
 */
export const inpaint = <S extends SampleState, K extends string>(
  sd: StableDiffusion | StableDiffusionXL,
  options: PipelineOptions<S, K> = {},
): DrawPrompt<InpaintRequest> => {
  const { in_channels: channels } = sd.unet.config
  const { latent_channels: latent } = sd.vae.config
  const besides = channels === 2 * latent + 1
  if (!besides && channels !== latent)
    throw new ConfigError('in_channels', channels, [`${latent}`, `${2 * latent + 1}`], 'is no UNet for inpainting')
  const { steps = 50 } = options
  const conditions = conditionsOf(sd, options)
  const schedulers = schedulersOf(sd, options)
  const codec = latentCodec(sd, options)
  const denoise = guideBy(options.combine ?? guidance)(conditionalUnet(sd.unet))
  const masked = compile((picture: Tensor, mask: Tensor) => picture.mul(mask.lt(0.5).to('f32')), options)
  const besideFrom = memo((begin) => reducerOf(schedulers(begin), denoise, options))
  const keepingFrom = memo((begin) => {
    const fold = keepKnown(schedulers(begin))
    return { fold, step: reducerOf(fold, denoise, options) }
  })
  return latentPipeline(codec, needsImage('inpaint'), (request: InpaintRequest, seed, run, own) => {
    const { image, mask, strength = 1 } = request
    const size = sizeOf(sd, request)
    const begin = beginAt(schedulers(0), steps, strength)
    const plain = schedulers(begin)
    const unit = pixelsPerLatent(sd)
    const shape = latentShape(sd, size, picturesOf(request))
    const [count, , h, w] = shape as [number, number, number, number]
    const encodes = !besides || strength < 1
    const picture = pictureTensor(image, { ...size, multipleOf: unit })
    const wanted = maskTensor(mask, { ...size, multipleOf: unit })
    const one = [1, ...shape.slice(1)]
    const all = (x: Tensor): Tensor => repeated(x, count)

    const stream = noise(seed, shape, encodes ? [one, shape, one] : [shape, one])
    const known = encodes ? all(own(codec.encode(picture, stream.head))) : undefined
    const fresh = encodes ? stream.next : stream
    const rest = fresh.next.next
    const small = all(resizeNearest(h, w)(wanted)) // [N, 1, h, w]

    const start =
      strength === 1 || known === undefined
        ? plain.start(fresh.head.mul(plain.initNoiseSigma), rest)
        : plain.start(plain.addNoise(known, fresh.head, plain.timesteps[0]!), rest)
    const told = conditions({ ...request, ...size }, own)
    if (besides) {
      const hidden = own(codec.encode(own(masked(picture, wanted)), fresh.next.head))
      const beside = concat([small, all(hidden)], 1)
      const given = {
        ...told,
        positive: { ...told.positive, beside },
        ...(told.negative === undefined ? {} : { negative: { ...told.negative, beside } }),
      }
      return follow(plain, besideFrom(begin), start, { ...run, given: () => given })
    }
    const { fold, step } = keepingFrom(begin)
    const kept = { inner: start, known: known!, fresh: fresh.head, mask: small }
    return follow(fold, step, kept, { ...run, given: () => told })
  })
}
