// A checkpoint as large as Stable Diffusion 1.5, of random weights in f16 (2 GB), and one denoising step of it.
//   npx tsx examples/full-size.ts FOLDER [LATENT_SIZE, in latents; 64 is 512 pixels]
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  conditionalUnet,
  ddimScheduler,
  load,
  model,
  noise,
  orThrow,
  read,
  schedulerComponent,
  seed,
  stepOf,
  UNet2DConditionModel,
  zeros,
} from 'diffold'
import { writePipeline } from './random-checkpoint.ts'

const started = performance.now()
const say = (what: string): void =>
  console.log(
    `${what}: ${((performance.now() - started) / 1000).toFixed(1)} s, peak ${(process.resourceUsage().maxRSS / 1e6).toFixed(2)} GB`,
  )

const [folder, size = '64'] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: npx tsx examples/full-size.ts FOLDER [LATENT_SIZE]')
if (!existsSync(join(folder, 'model_index.json'))) {
  await writePipeline(folder)
  say('written')
}
const { unet, scheduler } = await orThrow(
  load({ unet: model(UNet2DConditionModel), scheduler: schedulerComponent }, folder),
)
say('loaded')
const ddim = ddimScheduler(scheduler, 50)
const step = stepOf(ddim, conditionalUnet(unet))
const [t, next] = ddim.timesteps
const given = { encoderHiddenStates: zeros([1, 77, 768]) }
const first = step(ddim.init(noise(seed(0), [1, 4, Number(size), Number(size)])), t!, given)
await read(first.x)
say('first step, with the upload of the weights')
const values = await read(step(first, next!, given).x)
say(`second step, to ${values.slice(0, 2).join(', ')} …`)
