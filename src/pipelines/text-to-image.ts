/** Pictures from prompts: Stable Diffusion 1, 2 and XL. */
import { conditionalUnet } from './condition.ts'
import { guidance, guideBy } from './guide.ts'
import {
  latentPipeline,
  schedulersOf,
  type DrawPrompt,
  type PipelineOptions,
  type SampleState,
} from './latent-pipeline.ts'
import { latentCodec, latentShape } from './latents.ts'
import { conditionsOf, picturesOf, sizeOf, type PromptRequest } from './request.ts'
import { follow, reducerOf } from './sample.ts'
import { roundEven } from '../core/special.ts'
import type { AnyScheduler } from '../schedulers/by-name.ts'
import { noise } from '../tensor/noise.ts'
import type { LatentDiffusion, StableDiffusion, StableDiffusionXL } from './stable-diffusion.ts'

/** The steps of a fold that leave the last of the noise alone. */
const upTo = (scheduler: AnyScheduler, sd: LatentDiffusion, end = 1): AnyScheduler => {
  if (end === 1) return scheduler
  const trained = Number(sd.scheduler['num_train_timesteps'] ?? 1000)
  const last = roundEven(trained - end * trained)
  return { ...scheduler, timesteps: scheduler.timesteps.filter((c) => c['t']! >= last) }
}

/**
 * `textToImage(sd, { scheduler: unipcScheduler, steps: 25 })('a tiger face', seed(0))`: the fold of a scheduler over a guided UNet, from
 * noise to latents to a picture, as diffusers' StableDiffusionPipeline and StableDiffusionXLPipeline draw it. Rombach et al. 2022;
 * Podell et al. 2023. Sizes, texts and names that cannot be are a `ConfigError`.
 */
export const textToImage = <S extends SampleState, K extends string>(
  sd: StableDiffusion | StableDiffusionXL,
  options: PipelineOptions<S, K> = {},
): DrawPrompt<PromptRequest> => {
  const conditions = conditionsOf(sd, options)
  const scheduler = schedulersOf(sd, options)(0)
  const step = reducerOf(scheduler, guideBy(options.combine ?? guidance)(conditionalUnet(sd.unet)), options)
  return latentPipeline(
    latentCodec(sd, options),
    (prompt): PromptRequest => ({ prompt }),
    (request, seed, run, own) => {
      const given = conditions(request, own)
      const shape = request.latents?.shape ?? latentShape(sd, sizeOf(sd, request), picturesOf(request))
      const stream = noise(seed, shape)
      const start =
        request.latents === undefined
          ? scheduler.init(stream)
          : scheduler.start(request.latents.mul(scheduler.initNoiseSigma), stream)
      return follow(upTo(scheduler, sd, request.denoisingEnd), step, start, { ...run, given: () => given })
    },
  )
}
