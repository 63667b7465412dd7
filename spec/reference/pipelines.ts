/** Recorded pipelines: the same checkpoint, request and seed, from tokens to pixels. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackendName } from '../../src/backend/backend.ts'
import type { CompileOptions } from '../../src/backend/compile.ts'
import type { PromptRequest } from '../../src/pipelines/request.ts'
import { load, orThrow } from '../../src/params/load.ts'
import { DDPM, ddim, ddpm } from '../../src/pipelines/unconditional.ts'
import { fromStorage, type Tensor } from '../../src/tensor/tensor.ts'
import { checkFold, differ, followed, type Followed } from './fold.ts'
import { checkImageProcessor } from './image-processor.ts'
import { prepared, seedsOf, supported, type Fault, type Of, type Run } from './recorded-run.ts'
import { compared, largest, type Check } from './result.ts'
import type { Change } from './rounding.ts'
import { readRecording, type Recorded } from './safetensors.ts'

/** What differs from the run that was recorded: the folder of its checkpoint, or something wrong on purpose. */
export type CheckOptions = { readonly checkpoint?: string; readonly fault?: Fault }

const unconditional = async (dir: string, name: string, r: Run, recorded: ReadonlyMap<string, Recorded>, on: CompileOptions): Promise<readonly Check[]> => {
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
export const checkRun = async (dir: string, name: string, on: CompileOptions, { checkpoint, fault }: CheckOptions = {}): Promise<readonly Check[]> => {
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
  const given = r.arguments['latents'] === undefined ? undefined : await startOf(runs, recorded)
  if (r.arguments['latents'] !== undefined && given === undefined) return skip('its latents were not recorded')
  const { request, drawBy } = await prepared(dir, r, of, on, fault)
  const asked: PromptRequest = given === undefined ? request : { ...request, latents: given }
  // A 4-channel inpainting is recorded before what is known is put back.
  const steps = r.pipeline.includes('Inpaint') && r.unet === undefined ? undefined : of('steps.prev')
  const run = (change: Change): Promise<Followed> => followed(drawBy(change), asked, seedsOf(r), steps?.shape[0])
  return checkFold(label, run, { steps, latents: recorded.get('latents')!.values, image: recorded.get('image')! })
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

