/** Recorded pipelines: the same checkpoint, request and seed, from tokens to pixels. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackendName } from '../../src/backend/backend.ts'
import { read } from '../../src/backend/compile.ts'
import { byteOf, toImages, type Image } from '../../src/image/image.ts'
import { readPng } from '../../src/image/png.ts'
import { ControlNetModel } from '../../src/models/controlnet.ts'
import { UNet2DConditionModel } from '../../src/models/unet2d-condition.ts'
import { loadEmbedding } from '../../src/params/embedding.ts'
import { load, loadModel, orThrow } from '../../src/params/load.ts'
import { loadLora } from '../../src/params/lora/load.ts'
import { withLora } from '../../src/params/lora/lora.ts'
import { withEmbeddings } from '../../src/text/textual-inversion.ts'
import { controlToImage } from '../../src/pipelines/control.ts'
import { imageToImage } from '../../src/pipelines/image-to-image.ts'
import { inpaint } from '../../src/pipelines/inpaint.ts'
import type { DrawPrompt, MakeScheduler, PipelineOptions, SampleState } from '../../src/pipelines/latent-pipeline.ts'
import type { PromptRequest } from '../../src/pipelines/request.ts'
import { StableDiffusion, StableDiffusionXL } from '../../src/pipelines/stable-diffusion.ts'
import { textToImage } from '../../src/pipelines/text-to-image.ts'
import { DDPM, ddim, ddpm } from '../../src/pipelines/unconditional.ts'
import { seed, type Seed } from '../../src/random/generator.ts'
import { schedulerNamed } from '../../src/schedulers/by-name.ts'
import type { SchedulerConfig } from '../../src/schedulers/config.ts'
import { fromStorage, type Tensor } from '../../src/tensor/tensor.ts'
import { checkImageProcessor } from './image-processor.ts'
import { compared, largest, type Check } from './result.ts'
import { readRecording, type Recorded } from './safetensors.ts'

type Arguments = Readonly<Record<string, unknown>>
type Run = {
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
type Of = (key: string) => Tensor | undefined

const supported: ReadonlySet<string> = new Set([
  'prompt', 'prompt_2', 'negative_prompt', 'guidance_scale', 'guidance_rescale', 'num_inference_steps', 'height', 'width', 'eta',
  'num_images_per_prompt', 'clip_skip', 'image', 'mask_image', 'strength', 'timesteps', 'sigmas', 'latents', 'prompt_embeds',
  'negative_prompt_embeds', 'original_size', 'target_size', 'crops_coords_top_left', 'negative_original_size',
  'negative_target_size', 'denoising_end', 'controlnet_conditioning_scale', 'control_guidance_start', 'control_guidance_end',
  'guess_mode', 'batch_size', 'output_type', 'cross_attention_kwargs',
])

const span = (values: ArrayLike<number>): number => Array.from(values).reduce((m, v) => Math.max(m, Math.abs(v)), 1e-12)

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

const makerOf = (r: Run): MakeScheduler<SampleState, string> => (config, steps, options) =>
  schedulerNamed(String(r.scheduler['_class_name']), config, steps, {
    ...options,
    ...some({ eta: r.arguments['eta'], timesteps: r.arguments['timesteps'], sigmas: r.arguments['sigmas'] }),
  })

/** The worst difference of bytes between pictures and recorded ones in [0, 1], NHWC. */
const differ = (images: readonly Image[], { values, shape }: Recorded): number => {
  const [n, h, w] = shape as [number, number, number, number]
  if (images.length !== n || images.some((i) => i.width !== w || i.height !== h)) return Infinity
  let most = 0
  values.forEach((v, i) => {
    const pixel = Math.floor(i / 3)
    const ours = images[Math.floor(pixel / (h * w))]!.rgba[4 * (pixel % (h * w)) + (i % 3)]!
    most = Math.max(most, Math.abs(ours - byteOf(2 * v - 1)))
  })
  return most
}

const picture = async (dir: string, path: string): Promise<Image> => orThrow(readPng(join(dir, path)))

/** A pipeline and a request, as one recorded run has them. */
const prepared = async (dir: string, r: Run, of: Of, options: PipelineOptions<SampleState, string>): Promise<readonly [DrawPrompt<PromptRequest>, PromptRequest]> => {
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
  const request = requestOf(a, of)
  const image = r.image === undefined ? undefined : await picture(dir, r.image)
  const strength = some({ strength: a['strength'] })
  const from = <R extends PromptRequest>(draw: DrawPrompt<R>, full: R): readonly [DrawPrompt<PromptRequest>, PromptRequest] =>
    [draw as unknown as DrawPrompt<PromptRequest>, full]
  if (r.pipeline.includes('Img2Img')) return from(imageToImage(sd, options), { ...request, image: image!, ...strength })
  if (r.pipeline.includes('Inpaint')) return from(inpaint(sd, options), { ...request, image: image!, mask: await picture(dir, r.mask!), ...strength })
  if (r.pipeline.includes('ControlNet')) {
    const net = await orThrow(loadModel(ControlNetModel, join(dir, r.controlnet!)))
    const draw = controlToImage(sd, net, { ...options, guess: a['guess_mode'] === true })
    const how = some({ strength: a['controlnet_conditioning_scale'], from: a['control_guidance_start'], until: a['control_guidance_end'] })
    return from(draw, { ...request, image: image!, ...how })
  }
  return [textToImage(sd, options), request]
}

const seedsOf = ({ generator_seed: g }: Run): Seed | readonly Seed[] => (typeof g === 'number' ? seed(g) : g.map((n) => seed(n)))

const unconditional = async (dir: string, name: string, r: Run, recorded: ReadonlyMap<string, Recorded>, on: { backend?: BackendName }): Promise<readonly Check[]> => {
  const model = { ...(await orThrow(load(DDPM, join(dir, r.directory)))), scheduler: r.scheduler }
  const steps = Number(r.arguments['num_inference_steps'] ?? 50)
  const count = Number(r.arguments['batch_size'] ?? 1)
  const seeds = seedsOf(r)
  const images =
    r.pipeline === 'DDIMPipeline'
      ? await ddim(model, { steps, eta: Number(r.arguments['eta'] ?? 0) }).batch(count)(seeds, on)
      : await ddpm(model, { steps }).batch(count)(seeds, on)
  return [compared(`${name} pictures, of 255`, differ(images, recorded.get('image')!), 2)]
}

/** One recorded run of a directory laid out like reference/open/pipelines; `checkpoint` stands in for the one that was recorded. */
export const checkRun = async (dir: string, name: string, on: { backend?: BackendName }, checkpoint?: string): Promise<readonly Check[]> => {
  const runs = join(dir, 'runs')
  const label = checkpoint === undefined ? `pipelines/${name}` : `${checkpoint} ${name}`
  const recordedRun = JSON.parse(await readFile(join(runs, name, 'run.json'), 'utf8')) as Run
  const r: Run = checkpoint === undefined ? recordedRun : { ...recordedRun, directory: checkpoint }
  const skip = (why: string): readonly Check[] => [{ name: label, error: NaN, tolerance: 0, pass: true, skipped: why }]
  if (/^(Flux|StableDiffusion3)/.test(r.pipeline)) return skip(`${r.pipeline} is not there`)
  const unknown = Object.keys(r.arguments).filter((k) => !supported.has(k))
  if (unknown.length > 0) return skip(`arguments not known: ${unknown.join(', ')}`)
  const recorded = await readRecording(join(runs, name, 'run.safetensors'))
  if (/^DD[PI]MPipeline$/.test(r.pipeline)) return unconditional(dir, label, r, recorded, on)
  const of: Of = (key) => {
    const t = recorded.get(key)
    return t === undefined ? undefined : fromStorage(Float32Array.from(t.values), t.shape, 'f32')
  }
  const steps = Number(r.arguments['num_inference_steps'] ?? 50)
  const given = r.arguments['latents'] === undefined ? undefined : await startOf(runs, recorded)
  if (r.arguments['latents'] !== undefined && given === undefined) return skip('its latents were not recorded')
  const [draw, request] = await prepared(dir, r, of, { ...on, scheduler: makerOf(r), steps })
  const asked: PromptRequest = given === undefined ? request : { ...request, latents: given }
  // A 4-channel inpainting is recorded before what is known is put back.
  const stepwise = r.pipeline.includes('Inpaint') && r.unet === undefined ? undefined : recorded.get('steps.prev')
  const first = await followed(draw, asked, seedsOf(r), stepwise?.shape[0])
  const images = await toImages(draw.decode(first.last))
  const errors = (run: Followed): readonly (readonly [string, number])[] => [
    ...(stepwise === undefined ? [] : [['every step', largest(run.values.slice(0, -1).flatMap((v) => [...v]), stepwise.values) / span(stepwise.values)] as const]),
    ['latents', largest(run.values.at(-1)!, recorded.get('latents')!.values) / span(recorded.get('latents')!.values)],
  ]
  const found = errors(first)
  // Some folds magnify rounding (the original's float32 and float64 runs part as far). How much, a second run shows, whose guidance differs
  // by what rounding changes an answer: a few times 10⁻⁶.
  const nudged = found.every(([, e]) => e <= 1e-3)
    ? undefined
    : await followed(draw, { ...asked, guidance: (asked.guidance ?? (r.pipeline.includes('XL') ? 5 : 7.5)) * (1 + 2 ** -17) }, seedsOf(r), stepwise?.shape[0])
  const drift = nudged === undefined ? 0 : largest(nudged.values.at(-1)!, first.values.at(-1)!) / span(first.values.at(-1)!)
  const said = drift > 0 ? ` (2⁻¹⁷ of the guidance moves it by ${drift.toPrecision(2)})` : ''
  return [
    ...found.map(([what, e]) => compared(`${label} ${what}${said}`, e, Math.max(1e-3, 2 * drift))),
    compared(`${label} pictures, of 255`, differ(images, recorded.get('image')!), 2),
  ]
}

/** A run's samples after each step, and the last one. */
type Followed = { readonly values: readonly Float32Array[]; readonly last: Tensor }

const followed = async (draw: DrawPrompt<PromptRequest>, request: PromptRequest, seeds: Seed | readonly Seed[], steps: number | undefined): Promise<Followed> => {
  const fold = draw.states(request, seeds, {})
  const values: Float32Array[] = []
  for (;;) {
    const next = await fold.next()
    if (next.done === true) return { values: [...values, await read(next.value)], last: next.value }
    if (steps !== undefined && values.length < steps) values.push(await read(next.value.sample))
  }
}

/** The noise of another run with the same prompts, which a run with given latents was given. */
const startOf = async (runs: string, recorded: ReadonlyMap<string, Recorded>): Promise<Tensor | undefined> => {
  for (const name of (await readdir(runs)).sort()) {
    const other = await readRecording(join(runs, name, 'run.safetensors')).catch(() => undefined)
    const noise = other?.get('noise.0')
    const same = (key: string): boolean => largest(other?.get(key)?.values ?? [], recorded.get(key)?.values ?? [NaN]) === 0
    if (noise !== undefined && same('latents')) return fromStorage(Float32Array.from(noise.values), noise.shape, 'f32')
  }
  return undefined
}

/** Every recorded run of a directory laid out like reference/open/pipelines. */
export const checkPipelines = async (dir: string, backend: BackendName | undefined): Promise<readonly Check[]> => {
  const runs = join(dir, 'runs')
  const checks: Check[] = []
  if (existsSync(join(dir, 'image_processor'))) checks.push(...(await checkImageProcessor(join(dir, 'image_processor'))))
  if (!existsSync(runs)) return checks
  for (const name of (await readdir(runs)).sort()) {
    try {
      checks.push(...(await checkRun(dir, name, backend === undefined ? {} : { backend })))
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      checks.push({ name: `pipelines/${name}`, error: Infinity, tolerance: 0, pass: false, why })
    }
  }
  return checks
}

