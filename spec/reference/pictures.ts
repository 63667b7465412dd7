/** Recorded pictures: the shipped checkpoint drawn by Python, beside ours, byte for byte within one. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { byteOf, DDPM, ddim, ddpm, load, orThrow, seed, type BackendName } from '../../src/index.ts'
import { compared, type Check } from './result.ts'
import { readRecording } from './safetensors.ts'

type Recording = { readonly name: string; readonly checkpoint: string; readonly pipeline: string; readonly steps: number; readonly seed: number; readonly eta?: number; readonly use_clipped_model_output?: boolean }

/** Every recorded picture of a directory that holds an index.json and the images, drawn again from our copy of the checkpoint. */
export const checkPictures = async (dir: string, backend: BackendName | undefined): Promise<readonly Check[]> => {
  const recordings = JSON.parse(await readFile(join(dir, 'index.json'), 'utf8')) as readonly Recording[]
  const checks: Check[] = []
  for (const r of recordings) {
    const model = await orThrow(load(DDPM, fileURLToPath(new URL(`../../models/${r.checkpoint}`, import.meta.url))))
    const draw =
      r.pipeline === 'DDIMPipeline'
        ? ddim(model, { steps: r.steps, eta: r.eta ?? 0, useClippedModelOutput: r.use_clipped_model_output ?? false })
        : ddpm(model, { steps: r.steps })
    const image = await draw(seed(r.seed), backend === undefined ? {} : { backend })
    const want = (await readRecording(join(dir, `${r.name}.safetensors`))).get('image')!
    let most = 0
    want.values.forEach((v, i) => {
      const ours = image.rgba[4 * Math.floor(i / 3) + (i % 3)]!
      most = Math.max(most, Math.abs(ours - byteOf(2 * v - 1)))
    })
    checks.push(compared(`pictures/${r.name}`, most, 1))
  }
  return checks
}
