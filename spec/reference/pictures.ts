/** Recorded pictures: the shipped checkpoints drawn by Python, beside ours, byte by byte. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { byteOf, DDPM, ddim, ddpm, load, orThrow, schedulerNamed, seed, StableDiffusion, textToImage, type BackendName, type Image } from '../../src/index.ts'
import { compared, type Check } from './result.ts'
import { readRecording } from './safetensors.ts'

type Named = { readonly name: string; readonly checkpoint: string; readonly seed: number }
type Unconditional = Named & { readonly pipeline: string; readonly steps: number; readonly eta?: number; readonly use_clipped_model_output?: boolean }
type Prompted = Named & {
  readonly scheduler: string
  readonly scheduler_config: Readonly<Record<string, unknown>>
  readonly prompt: string
  readonly negative_prompt: string | null
  readonly num_inference_steps: number
  readonly guidance_scale: number
}

const ours = (checkpoint: string): string => fileURLToPath(new URL(`../../models/${checkpoint}`, import.meta.url))

const unconditional = async (r: Unconditional, backend: BackendName | undefined): Promise<Image> => {
  const model = await orThrow(load(DDPM, ours(r.checkpoint)))
  const draw =
    r.pipeline === 'DDIMPipeline'
      ? ddim(model, { steps: r.steps, eta: r.eta ?? 0, useClippedModelOutput: r.use_clipped_model_output ?? false })
      : ddpm(model, { steps: r.steps })
  return draw(seed(r.seed), backend === undefined ? {} : { backend })
}

const prompted = async (r: Prompted, backend: BackendName | undefined): Promise<Image> => {
  const sd = await orThrow(load(StableDiffusion, ours(r.checkpoint)))
  const draw = textToImage(sd, {
    ...(backend === undefined ? {} : { backend }),
    steps: r.num_inference_steps,
    scheduler: (_, steps, options) => schedulerNamed(r.scheduler, r.scheduler_config, steps, options),
  })
  const negative = r.negative_prompt === null ? {} : { negative: r.negative_prompt }
  return draw({ prompt: r.prompt, guidance: r.guidance_scale, ...negative }, seed(r.seed))
}

/** Every recorded picture of a directory that holds an index.json and the images, drawn again from our copy of its checkpoint. */
export const checkPictures = async (dir: string, backend: BackendName | undefined): Promise<readonly Check[]> => {
  const index = await readFile(join(dir, 'index.json'), 'utf8')
  // Python writes infinities, which JSON has not.
  const recordings = JSON.parse(index.replaceAll('-Infinity', '-1e999')) as readonly (Unconditional | Prompted)[]
  const checks: Check[] = []
  for (const r of recordings) {
    const image = await ('prompt' in r ? prompted(r, backend) : unconditional(r, backend))
    const want = (await readRecording(join(dir, `${r.name}.safetensors`))).get('image')!
    let most = 0
    want.values.forEach((v, i) => {
      const byte = image.rgba[4 * Math.floor(i / 3) + (i % 3)]!
      most = Math.max(most, Math.abs(byte - byteOf(2 * v - 1)))
    })
    checks.push(compared(`pictures/${r.name}`, most, 'prompt' in r ? 2 : 1))
  }
  return checks
}
