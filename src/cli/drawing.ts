/** What `diffold draw` runs: the states on the way to pictures, whichever pipeline they come from. */
import { ConfigError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import type { DrawPrompt, PipelineOptions } from '../pipelines/latent-pipeline.ts'
import { imageToImage } from '../pipelines/image-to-image.ts'
import { inpaint } from '../pipelines/inpaint.ts'
import { latentShape } from '../pipelines/latents.ts'
import { latentPreview, previewFactors } from '../pipelines/preview.ts'
import { sizeOf, type PromptRequest } from '../pipelines/request.ts'
import type { Progress, RunOptions } from '../pipelines/sample.ts'
import { isXL, pixelsPerLatent, type StableDiffusion, type StableDiffusionXL } from '../pipelines/stable-diffusion.ts'
import { textToImage } from '../pipelines/text-to-image.ts'
import { drawWith, sampleShape, type UnconditionalModel } from '../pipelines/unconditional.ts'
import { unet2d } from '../models/unet2d.ts'
import type { Seed } from '../random/generator.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { ClassName } from './checkpoint.ts'
import { makerOf } from './scheduler.ts'

/** A run, ready to start: every state, and states as pictures, [N, 3, H, W] in [−1, 1]. */
export type Drawing = {
  readonly states: (options: RunOptions) => AsyncGenerator<Progress<unknown>, Tensor>
  /** The last sample, as pictures. */
  readonly decode: (sample: Tensor) => Tensor
  /** A sample on the way, cheaply. */
  readonly preview: () => Promise<(sample: Tensor) => Tensor>
}

/** What every run is told. */
export type Run = {
  readonly scheduler?: string
  readonly steps: number
  readonly eta: number
  readonly count: number
  readonly seed: Seed
  readonly exact: boolean
}

/** Pictures from noise alone. The scheduler is the checkpoint's own unless named; a DDIMPipeline's is always DDIM, as in diffusers. */
export const unconditionalDrawing = (
  { unet, scheduler: config }: UnconditionalModel,
  className: ClassName,
  { scheduler, steps, eta, count, seed, exact }: Run,
): Drawing => {
  const own = className === 'DDIMPipeline' ? 'ddim' : String(config['_class_name'] ?? 'ddpm')
  const draw = drawWith(makerOf(scheduler ?? own, eta)(config, steps, {}), unet2d(unet), sampleShape(unet))
  const same = (sample: Tensor): Tensor => sample
  return {
    states: (options) => draw.states(seed, { ...options, count, exact }),
    decode: same,
    preview: async () => same,
  }
}

/** What a run from a text is told besides: pictures as read, and a strength where there is one to start from. */
export type TextRun = Run & {
  readonly request: PromptRequest
  readonly image?: Image
  readonly mask?: Image
  readonly strength?: number
}

/** Diffusers' defaults where XL's inpainting has others than the pipeline it is made of. */
const xlInpainting = { guidance: 7.5, strength: 0.9999 }

/** Pictures from a text: and from a picture to start from, and from a mask of what to draw anew. */
export const textDrawing = (sd: StableDiffusion | StableDiffusionXL, run: TextRun): Drawing => {
  const { scheduler, steps, eta, count, seed, exact, image, mask, strength } = run
  const options: PipelineOptions = {
    steps,
    exact,
    scheduler: makerOf(scheduler ?? String(sd.scheduler['_class_name'] ?? 'PNDMScheduler'), eta),
  }
  const given = strength === undefined ? {} : { strength }
  const request = { ...run.request, count }
  latentShape(sd, sizeOf(sd, request)) // refuses a size before anything is computed
  const drawing = <R extends object>(draw: DrawPrompt<R>, all: R): Drawing => ({
    states: (how) => draw.states(all, seed, { ...how, exact }),
    decode: draw.decode,
    preview: async () => latentPreview(await previewFactors(sd), { scale: pixelsPerLatent(sd) }),
  })
  if (image === undefined) {
    if (sd.unet.config.in_channels !== sd.vae.config.latent_channels)
      throw new ConfigError('in_channels', sd.unet.config.in_channels, [], 'is for inpainting: name --image and --mask')
    return drawing(textToImage(sd, options), request)
  }
  if (mask === undefined) return drawing(imageToImage(sd, options), { ...request, image, ...given })
  const defaults = isXL(sd) ? xlInpainting : {}
  return drawing(inpaint(sd, options), { ...defaults, ...request, image, mask, ...given })
}
