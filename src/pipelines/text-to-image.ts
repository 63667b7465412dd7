/** Pictures from prompts: Stable Diffusion 1, 2 and XL. */
import type { CompileOptions } from '../backend/compile.ts'
import { toImages, type Image } from '../image/image.ts'
import type { AutoencoderOptions } from '../models/autoencoder-kl.ts'
import type { Seed } from '../random/generator.ts'
import { schedulerNamed } from '../schedulers/by-name.ts'
import type { SchedulerConfig } from '../schedulers/config.ts'
import type { Scheduler } from '../schedulers/scheduler.ts'
import { noise } from '../tensor/noise.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { conditionalUnet, type Condition } from './condition.ts'
import { guide, type Guided } from './guide.ts'
import { latentCodec, latentShape } from './latents.ts'
import { conditionsOf, picturesOf, sizeOf, type PromptRequest } from './request.ts'
import { follow, stepOf, type Denoiser, type Progress, type RunOptions } from './sample.ts'
import type { StableDiffusion, StableDiffusionXL } from './stable-diffusion.ts'

/** A state that can be drawn from: every scheduler's has the sample in `x`. */
export type SampleState = { readonly x: Tensor }

/** A scheduler's constructor, applied to the config of a checkpoint: `unipcScheduler`, or `(c, n, o) => ddimScheduler(c, n, { ...o, eta: 1 })`. */
export type MakeScheduler<S, K extends string> = (
  config: SchedulerConfig,
  steps: number,
  options: { readonly begin?: number },
) => Scheduler<S, K>

/** How a pipeline is made. */
export type PipelineOptions<S, K extends string> = CompileOptions &
  AutoencoderOptions & {
    /** The checkpoint's own unless given: a constructor, a class name of diffusers or a short one. */
    readonly scheduler?: MakeScheduler<S, K> | string
    /** Denoising steps; 50 unless given. */
    readonly steps?: number
  }

/** The constructor that options ask for. An unknown name is a `ConfigError`. */
export const makerOf = <S extends SampleState, K extends string>(
  config: SchedulerConfig,
  asked: MakeScheduler<S, K> | string | undefined,
): MakeScheduler<S, K> | MakeScheduler<SampleState, string> => {
  if (typeof asked === 'function') return asked
  const name = asked ?? config['_class_name']
  return (c, steps, options) => schedulerNamed(typeof name === 'string' ? name : 'PNDMScheduler', c, steps, options)
}
