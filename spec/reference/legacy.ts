/** Checkpoints laid out as the hub's own from 2022: loaded as they are, their model called and their picture drawn. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DDPM, ddpm, fromStorage, load, orThrow, read, seed, unet2d, compile, type BackendName, type Scalar, type Tensor } from '../../src/index.ts'
import { checkRun } from './pipelines.ts'
import { compared, largest, type Check } from './result.ts'
import { readRecording } from './safetensors.ts'

type Info = { readonly directory: string; readonly pipeline?: { readonly class: string; readonly num_inference_steps: number; readonly seed: number } }

const span = (values: ArrayLike<number>): number => Array.from(values).reduce((m, v) => Math.max(m, Math.abs(v)), 0)

/** Every checkpoint of a directory laid out like reference/open/legacy. */
export const checkLegacy = async (dir: string, backend: BackendName | undefined): Promise<readonly Check[]> => {
  const on = backend === undefined ? {} : { backend }
  const checks: Check[] = []
  for (const name of ['ddpm_flat', 'sd_2022']) {
    if (!existsSync(join(dir, name))) continue
    if (name === 'sd_2022') {
      const pipelines = join(dir, '../pipelines')
      if (!existsSync(join(pipelines, 'runs/sd_unipc'))) {
        checks.push({ name: `legacy/${name}`, error: NaN, tolerance: 0, pass: true, skipped: 'pipelines/runs/sd_unipc, whose numbers it gives, is not there' })
      } else checks.push(...(await checkRun(pipelines, 'sd_unipc', on, { checkpoint: '../legacy/sd_2022' })))
      continue
    }
    const info = JSON.parse(await readFile(join(dir, `${name}.json`), 'utf8')) as Info
    const recorded = await readRecording(join(dir, `${name}.safetensors`))
    const model = await orThrow(load(DDPM, join(dir, name)))
    const of = (key: string): Tensor => fromStorage(Float32Array.from(recorded.get(key)!.values), recorded.get(key)!.shape, 'f32')
    const keys = [...recorded.keys()]
    const [sample, timestep] = [keys.find((k) => /^(in\.)?sample$/.test(k)), keys.find((k) => /^(in\.)?timestep$/.test(k))]
    const out = keys.find((k) => /^out(\.sample)?$/.test(k))
    if (sample !== undefined && timestep !== undefined && out !== undefined) {
      const eps = unet2d(model.unet)
      const got = await read(compile((x: Tensor, t: Scalar) => eps(x, t), on)(of(sample), of(timestep)))
      const want = recorded.get(out)!.values
      checks.push(compared(`legacy/${name} model`, largest(got, want) / span(want), 1e-4))
    } else checks.push({ name: `legacy/${name} model`, error: Infinity, tolerance: 0, pass: false, why: `has only ${keys.join(', ')}` })
    const image = keys.find((k) => /image/.test(k))
    if (info.pipeline !== undefined && image !== undefined) {
      const { rgba } = await ddpm(model, { steps: info.pipeline.num_inference_steps })(seed(info.pipeline.seed), on)
      const { values } = recorded.get(image)!
      let worst = 0
      values.forEach((v, i) => (worst = Math.max(worst, Math.abs(rgba[4 * Math.floor(i / 3) + (i % 3)]! - 255 * v))))
      checks.push(compared(`legacy/${name} picture, of 255`, worst, 1))
    }
  }
  return checks
}
