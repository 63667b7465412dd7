/** A recorded run of a pipeline: what its files say, and the same pipeline of ours with the same request. */
import { join } from 'node:path'
import type { CompileOptions } from '../../src/backend/compile.ts'
import type { Image } from '../../src/image/image.ts'
import { readPng } from '../../src/image/png.ts'
import { ControlNetModel } from '../../src/models/controlnet.ts'
import { UNet2DConditionModel } from '../../src/models/unet2d-condition.ts'
import { loadEmbedding } from '../../src/params/embedding.ts'
import { load, loadModel, orThrow } from '../../src/params/load.ts'
import { loadLora } from '../../src/params/lora/load.ts'
import { withLora } from '../../src/params/lora/lora.ts'
import { controlToImage } from '../../src/pipelines/control.ts'
import { imageToImage } from '../../src/pipelines/image-to-image.ts'
import { inpaint } from '../../src/pipelines/inpaint.ts'
import type { DrawPrompt, MakeScheduler, PipelineOptions, SampleState } from '../../src/pipelines/latent-pipeline.ts'
import type { PromptRequest } from '../../src/pipelines/request.ts'
import { StableDiffusion, StableDiffusionXL } from '../../src/pipelines/stable-diffusion.ts'
import { textToImage } from '../../src/pipelines/text-to-image.ts'
import { seed, type Seed } from '../../src/random/generator.ts'
import { schedulerNamed, type AnyScheduler } from '../../src/schedulers/by-name.ts'
import type { SchedulerConfig } from '../../src/schedulers/config.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { withEmbeddings } from '../../src/text/textual-inversion.ts'
import type { Change } from './rounding.ts'

/** What is asked for, with the pictures that some pipelines need. */
type Asked = PromptRequest & { readonly image?: Image; readonly mask?: Image }

/** Something that is wrong on purpose: a checker that lets it pass is no checker. */
export type Fault = {
  readonly request?: (request: Asked) => Asked
  readonly scheduler?: (scheduler: AnyScheduler) => AnyScheduler
}

type Arguments = Readonly<Record<string, unknown>>
/** What `run.json` says of a recorded run. */
export type Run = {
  readonly pipeline: string
  readonly directory: string
  readonly generator_seed: number | readonly number[]
  readonly scheduler: SchedulerConfig
  readonly arguments: Arguments
  readonly image?: string
  readonly mask?: string
  readonly unet?: string
  readonly controlnet?: string
  readonly lora?: string
  readonly embeddings?: readonly string[]
}
/** A recorded tensor by its name. */
export type Of = (key: string) => Tensor | undefined

/** The arguments of diffusers' pipelines that ours know. */
export const supported: ReadonlySet<string> = new Set([
  'prompt', 'prompt_2', 'negative_prompt', 'guidance_scale', 'guidance_rescale', 'num_inference_steps', 'height', 'width', 'eta',
  'num_images_per_prompt', 'clip_skip', 'image', 'mask_image', 'strength', 'timesteps', 'sigmas', 'latents', 'prompt_embeds',
  'negative_prompt_embeds', 'original_size', 'target_size', 'crops_coords_top_left', 'negative_original_size',
  'negative_target_size', 'denoising_end', 'controlnet_conditioning_scale', 'control_guidance_start', 'control_guidance_end',
  'guess_mode', 'batch_size', 'output_type', 'cross_attention_kwargs',
])

// Only what is there: an absent argument leaves the default to the pipeline.
const some = (values: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(values).filter(([, v]) => v !== undefined && v !== null))

const requestOf = (a: Arguments, of: Of): PromptRequest => {
  const sizes = some({
    original: a['original_size'], crop: a['crops_coords_top_left'], target: a['target_size'],
    negativeOriginal: a['negative_original_size'], negativeTarget: a['negative_target_size'],
  })
  const embeds = a['prompt_embeds'] === undefined ? undefined : {
    positive: { encoderHiddenStates: of('embeds.0')! },
    ...(of('embeds.1') === undefined ? {} : { negative: { encoderHiddenStates: of('embeds.1')! } }),
  }
  return {
    prompt: (a['prompt'] ?? '') as string,
    ...some({
      prompt2: a['prompt_2'], negative: a['negative_prompt'], guidance: a['guidance_scale'], guidanceRescale: a['guidance_rescale'],
      count: a['num_images_per_prompt'], clipSkip: a['clip_skip'], width: a['width'], height: a['height'],
      conditions: embeds, denoisingEnd: a['denoising_end'], sizes: Object.keys(sizes).length > 0 ? sizes : undefined,
    }),
  }
}

const makerOf =
  (r: Run, { scheduler: change }: Change): MakeScheduler<SampleState, string> =>
  (config, steps, options) =>
    change(
      schedulerNamed(String(r.scheduler['_class_name']), config, steps, {
        ...options,
        ...some({ eta: r.arguments['eta'], timesteps: r.arguments['timesteps'], sigmas: r.arguments['sigmas'] }),
      }),
    )

const picture = async (dir: string, path: string): Promise<Image> => orThrow(readPng(join(dir, path)))

/** A recorded run, ready to be drawn: its request, and its pipeline with a change. */
export type Prepared = { readonly request: PromptRequest; readonly drawBy: (change: Change) => DrawPrompt<PromptRequest> }

/** A recorded run of a folder, with what `fault` makes of its request: nothing but in specs. */
export const prepared = async (dir: string, r: Run, of: Of, on: CompileOptions, fault: Fault = {}): Promise<Prepared> => {
  const a = r.arguments
  const folder = join(dir, r.directory)
  const loaded = await (r.pipeline.includes('XL') ? orThrow(load(StableDiffusionXL, folder)) : orThrow(load(StableDiffusion, folder)))
  const unet = r.unet === undefined ? loaded.unet : await orThrow(loadModel(UNet2DConditionModel, join(dir, r.unet)))
  const plain = { ...loaded, unet, scheduler: r.scheduler }
  const lora = r.lora === undefined ? undefined : await orThrow(loadLora(join(dir, r.lora)))
  const weight = Number((a['cross_attention_kwargs'] as { scale?: number } | undefined)?.scale ?? 1)
  // The files do not name their words; the prompt has them in the same order.
  const words = String(a['prompt']).match(/<[^>]+>/g) ?? []
  const embeddings = await Promise.all((r.embeddings ?? []).map((path, i) => orThrow(loadEmbedding(join(dir, path), some({ token: words[i] })))),
  )
  const sd = withEmbeddings(lora === undefined ? plain : withLora(plain, [{ lora, weight }]), embeddings)
  const net = r.controlnet === undefined ? undefined : await orThrow(loadModel(ControlNetModel, join(dir, r.controlnet)))
  const request: Asked = {
    ...requestOf(a, of),
    ...some({
      image: r.image === undefined ? undefined : await picture(dir, r.image),
      mask: r.mask === undefined ? undefined : await picture(dir, r.mask),
      strength: net === undefined ? a['strength'] : a['controlnet_conditioning_scale'],
      from: a['control_guidance_start'], until: a['control_guidance_end'],
    }),
  }
  const steps = Number(a['num_inference_steps'] ?? 50)
  const as = <R extends PromptRequest>(draw: DrawPrompt<R>): DrawPrompt<PromptRequest> => draw as unknown as DrawPrompt<PromptRequest>
  const drawBy = (change: Change): DrawPrompt<PromptRequest> => {
    const scheduler = makerOf(r, { ...change, scheduler: (s) => change.scheduler(fault.scheduler?.(s) ?? s) })
    const options: PipelineOptions<SampleState, string> = { ...on, ...some({ combine: change.combine }), scheduler, steps }
    if (r.pipeline.includes('Img2Img')) return as(imageToImage(sd, options))
    if (r.pipeline.includes('Inpaint')) return as(inpaint(sd, options))
    if (net !== undefined) return as(controlToImage(sd, net, { ...options, guess: a['guess_mode'] === true }))
    return textToImage(sd, options)
  }
  return { request: fault.request?.(request) ?? request, drawBy }
}

/** The seed of a run, or one for each of its pictures. */
export const seedsOf = ({ generator_seed: g }: Run): Seed | readonly Seed[] => (typeof g === 'number' ? seed(g) : g.map((n) => seed(n)))
