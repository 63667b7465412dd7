/** Pictures from pictures and prompts. */
import type { Image } from '../image/image.ts'
import { pictureTensor } from '../image/preprocess.ts'
import { noise } from '../tensor/noise.ts'
import { conditionalUnet, repeated } from './condition.ts'
import { guidance, guideBy } from './guide.ts'
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
import { conditionsOf, picturesOf, type PromptRequest } from './request.ts'
import { follow, reducerOf } from './sample.ts'
import { isXL, pixelsPerLatent, type StableDiffusion, type StableDiffusionXL } from './stable-diffusion.ts'
import { beginAt } from './strength.ts'

/** A picture to start from. */
export type ImageRequest = PromptRequest & {
  readonly image: Image
  /** How far it is noised, and so how little of it stays: 0 … 1. 0.8 unless given, 0.3 for XL. */
  readonly strength?: number
}

/**
 * `imageToImage(sd)({ prompt, image, strength: 0.6 }, seed(0))`: a picture is encoded, noised as it would be at the step where the strength
 * begins, and denoised from there, as diffusers' StableDiffusionImg2ImgPipeline does it. Its size, unless given, is the picture's, cut to a
 * multiple of what a latent stands for. Meng et al. 2022 (SDEdit). Draws: one for the encoder, one for the noise, then the scheduler's.
 */
export const imageToImage = <S extends SampleState, K extends string>(
  sd: StableDiffusion | StableDiffusionXL,
  options: PipelineOptions<S, K> = {},
): DrawPrompt<ImageRequest> => {
  const { steps = 50 } = options
  const conditions = conditionsOf(sd, options)
  const schedulers = schedulersOf(sd, options)
  const codec = latentCodec(sd, options)
  const denoise = guideBy(options.combine ?? guidance)(conditionalUnet(sd.unet))
  const stepFrom = memo((begin) => reducerOf(schedulers(begin), denoise, options))
  return latentPipeline(codec, needsImage('imageToImage'), (request: ImageRequest, seed, run, own) => {
    const { image, strength = isXL(sd) ? 0.3 : 0.8, width, height } = request
    const begin = beginAt(schedulers(0), steps, strength)
    const scheduler = schedulers(begin)
    const picture = pictureTensor(image, {
      multipleOf: pixelsPerLatent(sd),
      ...(width === undefined ? {} : { width }),
      ...(height === undefined ? {} : { height }),
    })
    const [, , h, w] = picture.shape as [number, number, number, number]
    const count = picturesOf(request)
    const shape = latentShape(sd, { width: w, height: h }, count)
    const first = Array.isArray(seed) ? shape : [1, ...shape.slice(1)]
    const stream = noise(seed, shape, [first])
    const clean = repeated(own(codec.encode(repeated(picture, first[0]!), stream.head)), count / first[0]!)
    const start = scheduler.start(
      scheduler.addNoise(clean, stream.next.head, scheduler.timesteps[0]!),
      stream.next.next,
    )
    const given = conditions({ ...request, width: w, height: h }, own)
    return follow(scheduler, stepFrom(begin), start, { ...run, given: () => given })
  })
}
