/** Pictures from prompts that follow another picture: ControlNet. */
import { ConfigError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { pictureTensor } from '../image/preprocess.ts'
import { controlNet, type ControlNetConfig, type ControlNetParams } from '../models/controlnet.ts'
import { unet2dCondition } from '../models/unet2d-condition.ts'
import type { Control } from '../models/blocks/control.ts'
import type { Model } from '../params/architecture.ts'
import { chunk } from '../tensor/nn.ts'
import { noise } from '../tensor/noise.ts'
import { concat, Tensor, zeros, type Scalar } from '../tensor/tensor.ts'
import { mapTree } from '../tensor/tree.ts'
import { repeated, type Condition } from './condition.ts'
import { guidance, guideBy, type Combine, type Guided } from './guide.ts'
import {
  latentPipeline,
  needsImage,
  schedulersOf,
  type DrawPrompt,
  type PipelineOptions,
  type SampleState,
} from './latent-pipeline.ts'
import { latentCodec, latentShape } from './latents.ts'
import { conditionsOf, picturesOf, type PromptRequest } from './request.ts'
import { follow, reducerOf, type Denoiser } from './sample.ts'
import { pixelsPerLatent, type StableDiffusion, type StableDiffusionXL } from './stable-diffusion.ts'

/** A ControlNet and its parameters, as `loadModel(ControlNetModel, …)` gives them. */
export type ControlModel = Model<ControlNetConfig, ControlNetParams>

/** A picture to follow, such as edges or a depth map. */
export type ControlRequest = PromptRequest & {
  readonly image: Image
  /** How much of it there should be; 1 unless given. */
  readonly strength?: number
  /** The share of the steps after which it begins and ends to be followed; 0 and 1 unless given. */
  readonly from?: number
  readonly until?: number
}

/** How a picture is followed. */
export type ControlOptions = {
  /** Is the prompt alone controlled, and less so in shallow states, so that the picture counts even without a prompt? */
  readonly guess?: boolean
  /** How guidance combines its two answers; `guidance` unless given. */
  readonly combine?: Combine
}

/** What a controlled denoiser is given: conditions, the picture in [0, 1], [N, 3, H, W], and how much of it there should be. */
export type Controlled = Guided<Condition> & { readonly picture: Tensor; readonly strength: Scalar }

const half = <C>(tree: C): C => mapTree((leaf) => (leaf instanceof Tensor ? chunk(leaf, 2)[1]! : leaf), tree)

const besideZeros = ({ down, mid }: Control): Control => {
  const wide = (x: Tensor): Tensor => concat([zeros(x.shape), x], 0)
  return { down: down.map(wide), mid: wide(mid) }
}

/** A guided UNet whose states a ControlNet adds to. Zhang et al. 2023; its guess mode is section 4.3's. */
export const controlledUnet = (
  unet: StableDiffusion['unet'],
  net: ControlModel,
  { guess = false, combine = guidance }: ControlOptions = {},
): Denoiser<Controlled> => {
  const [predict, residuals] = [unet2dCondition(unet), controlNet(net)]
  const guessMode = guess || net.config.global_pool_conditions
  return (x, t, { picture, strength, ...guided }) =>
    guideBy(combine)<Condition>((sample, timestep, condition) => {
      const told = { timestep, conditioningScale: strength, guessMode }
      const both = guided.negative !== undefined
      const control =
        both && guessMode
          ? besideZeros(residuals({ ...told, ...half(condition), sample: half(sample), controlnetCond: picture }))
          : residuals({
              ...told,
              ...condition,
              sample,
              controlnetCond: both ? concat([picture, picture], 0) : picture,
            })
      return predict({ ...condition, sample, timestep, control })
    })(x, t, guided)
}

/**
 * `controlToImage(sd, net)({ prompt, image: edges }, seed(0))`: a picture from a prompt that follows `image`, as diffusers'
 * StableDiffusionControlNetPipeline draws it. Its size, unless given, is the picture's, cut to what a latent stands for.
 */
export const controlToImage = <S extends SampleState, K extends string>(
  sd: StableDiffusion | StableDiffusionXL,
  net: ControlModel,
  options: PipelineOptions<S, K> & ControlOptions = {},
): DrawPrompt<ControlRequest> => {
  const conditions = conditionsOf(sd, options)
  const scheduler = schedulersOf(sd, options)(0)
  const step = reducerOf(scheduler, controlledUnet(sd.unet, net, options), options)
  return latentPipeline(
    latentCodec(sd, options),
    needsImage('controlToImage'),
    (request: ControlRequest, seed, run, own) => {
      const { image, strength = 1, from = 0, until = 1, width, height } = request
      if (!(from >= 0 && from < until && until <= 1))
        throw new ConfigError('from', from, ['0 ≤ from < until ≤ 1'], `does not come before until ${until}`)
      const hint = pictureTensor(image, {
        multipleOf: pixelsPerLatent(sd),
        ...(width === undefined ? {} : { width }),
        ...(height === undefined ? {} : { height }),
      })
      const [, , h, w] = hint.shape as [number, number, number, number]
      const count = picturesOf(request)
      const told = conditions({ ...request, width: w, height: h }, own)
      const picture = repeated(hint.mul(0.5).add(0.5), count)
      const start = scheduler.init(noise(seed, latentShape(sd, { width: w, height: h }, count)))
      const steps = scheduler.timesteps.length
      const follows = (i: number): boolean => i / steps >= from && (i + 1) / steps <= until
      return follow(scheduler, step, start, {
        ...run,
        given: (i) => ({ ...told, picture, strength: follows(i) ? strength : 0 }),
      })
    },
  )
}
