/** The parts of Stable Diffusion 1, 2 and XL checkpoints, and what the two have in common. */
import { either as E } from 'fp-ts'
import { AutoencoderKL, type AutoencoderKLConfig, type AutoencoderKLParams } from '../models/autoencoder-kl.ts'
import {
  CLIPTextModel,
  CLIPTextModelWithProjection,
  type CLIPTextConfig,
  type CLIPTextParams,
} from '../models/clip-text.ts'
import {
  UNet2DConditionModel,
  type UNet2DConditionConfig,
  type UNet2DConditionParams,
} from '../models/unet2d-condition.ts'
import type { Model } from '../params/architecture.ts'
import { config, model, type Component, type Pipeline } from '../params/load.ts'
import type { SchedulerConfig } from '../schedulers/config.ts'
import { clipTokenizer } from '../text/clip-tokenizer.ts'
import { tokenizerComponent } from '../text/component.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { schedulerComponent } from './scheduler-component.ts'

/** A CLIP text encoder and its parameters. */
export type TextEncoder = Model<CLIPTextConfig, CLIPTextParams>

/** What denoises latents and makes pictures of them, whatever the prompt is encoded by. */
export type LatentDiffusion = {
  readonly unet: Model<UNet2DConditionConfig, UNet2DConditionParams>
  readonly vae: Model<AutoencoderKLConfig, AutoencoderKLParams>
  readonly scheduler: SchedulerConfig
}

/** A checkpoint of Stable Diffusion 1 or 2, as `load(StableDiffusion, …)` gives it. Rombach et al. 2022. */
export type StableDiffusion = LatentDiffusion & { readonly tokenizer: Tokenizer; readonly text_encoder: TextEncoder }

/** A checkpoint of Stable Diffusion XL, as `load(StableDiffusionXL, …)` gives it. Podell et al. 2023. */
export type StableDiffusionXL = StableDiffusion & {
  readonly tokenizer_2: Tokenizer
  readonly text_encoder_2: TextEncoder
  /** Is an absent negative prompt all zeros, and not the empty text? */
  readonly zeroNegative: boolean
}

const latentDiffusion: Pipeline<LatentDiffusion> = {
  unet: model(UNet2DConditionModel),
  vae: model(AutoencoderKL),
  scheduler: schedulerComponent,
}

/** The parts of a checkpoint that diffusers calls StableDiffusionPipeline, and of its image-to-image, inpainting and ControlNet forms. */
export const StableDiffusion: Pipeline<StableDiffusion> = {
  tokenizer: tokenizerComponent(clipTokenizer),
  text_encoder: model(CLIPTextModel),
  ...latentDiffusion,
}

const zeroNegative: Component<boolean> = config('model_index.json', (raw) =>
  E.right({ value: (raw as Readonly<Record<string, unknown>>)['force_zeros_for_empty_prompt'] !== false, notes: [] }),
)

/** The parts of a checkpoint that diffusers calls StableDiffusionXLPipeline, and of its other forms. */
export const StableDiffusionXL: Pipeline<StableDiffusionXL> = {
  ...StableDiffusion,
  tokenizer_2: tokenizerComponent(clipTokenizer),
  text_encoder_2: model(CLIPTextModelWithProjection),
  zeroNegative,
}

/** Is a checkpoint one of XL? */
export const isXL = (sd: StableDiffusion | StableDiffusionXL): sd is StableDiffusionXL => 'text_encoder_2' in sd

/** How many pixels a latent stands for, along each axis: 2^(levels − 1). */
export const pixelsPerLatent = ({ vae }: LatentDiffusion): number => 2 ** (vae.config.block_out_channels.length - 1)
