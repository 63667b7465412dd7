/** One denoising step of a checkpoint, and arguments of the shapes that it is run with. */
import { explain, type Explanation, type ExplainOptions } from '../backend/explain.ts'
import { unet2d } from '../models/unet2d.ts'
import { conditionalUnet, type Condition } from '../pipelines/condition.ts'
import { guide, type Guided } from '../pipelines/guide.ts'
import { latentShape, nativeSize } from '../pipelines/latents.ts'
import type { Denoiser } from '../pipelines/sample.ts'
import { isXL, type StableDiffusion, type StableDiffusionXL } from '../pipelines/stable-diffusion.ts'
import { sampleShape, type UnconditionalModel } from '../pipelines/unconditional.ts'
import { seed } from '../random/generator.ts'
import { schedulerNamed } from '../schedulers/by-name.ts'
import type { SchedulerConfig } from '../schedulers/config.ts'
import type { Step } from '../schedulers/scheduler.ts'
import { noise } from '../tensor/noise.ts'
import { zeros, type Scalar } from '../tensor/tensor.ts'

const explainStep = <G>(
  config: SchedulerConfig,
  denoise: Denoiser<G>,
  shape: readonly number[],
  given: G,
  options: ExplainOptions,
): Promise<Explanation> => {
  const scheduler = schedulerNamed(String(config['_class_name'] ?? 'ddpm'), config, 25)
  const state = scheduler.init(noise(seed(0), shape))
  const step = (now: typeof state, t: Step<string, Scalar>, told: G): typeof state =>
    scheduler.step(now, denoise(scheduler.input(now, t), t.t!, told), t)
  return explain(step, options)(state, scheduler.timesteps[0]!, given)
}

/** The first step from noise alone, with the checkpoint's own scheduler. */
export const explainUnconditional = (
  { unet, scheduler }: UnconditionalModel,
  options: ExplainOptions = {},
): Promise<Explanation> => explainStep(scheduler, unet2d(unet), [1, ...sampleShape(unet)], undefined, options)

/** A condition of the shapes that a UNet is given. Nobody looks at its values. */
export const blankCondition = (
  sd: StableDiffusion | StableDiffusionXL,
  [, channels, h, w]: readonly number[],
): Condition => {
  const { in_channels: seen, time_cond_proj_dim: distilled } = sd.unet.config
  const xl = isXL(sd) ? sd.text_encoder_2.config : undefined
  const width = sd.text_encoder.config.hidden_size + (xl?.hidden_size ?? 0)
  return {
    encoderHiddenStates: zeros([1, sd.tokenizer.maxLength, width]),
    ...(xl === undefined ? {} : { added: { textEmbeds: zeros([1, xl.projection_dim]), timeIds: zeros([1, 6]) } }),
    ...(distilled === null ? {} : { timestepCond: zeros([1, distilled]) }),
    ...(seen > channels! ? { beside: zeros([1, seen - channels!, h!, w!]) } : {}),
  }
}

/** The first step from a text, guided as it is when pictures are drawn, with the checkpoint's own scheduler. */
export const explainText = (
  sd: StableDiffusion | StableDiffusionXL,
  options: ExplainOptions = {},
): Promise<Explanation> => {
  const shape = latentShape(sd, nativeSize(sd))
  const condition = blankCondition(sd, shape)
  const given: Guided<Condition> =
    condition.timestepCond === undefined
      ? { positive: condition, negative: condition, scale: isXL(sd) ? 5 : 7.5 }
      : { positive: condition }
  const config = { _class_name: 'PNDMScheduler', ...sd.scheduler }
  return explainStep(config, guide(conditionalUnet(sd.unet)), shape, given, options)
}
