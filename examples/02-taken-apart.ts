// The same pipeline taken apart: a model, a scheduler and a loop. The step is traced once and serves all timesteps.
import { compile, DDPM, ddpmScheduler, load, noise, orThrow, seed, toImage, unet2d, writePng } from 'diffold'
import type { DdpmCoefficient, NoisySample, Scalar, Step } from 'diffold'

const model = await orThrow(load(DDPM, 'models/ddpm-emoji-cat-64'))
const scheduler = ddpmScheduler(model.scheduler, 50)
const eps = unet2d(model.unet)

console.log(scheduler.timesteps.map((t) => t.t).join(' ')) // 980 960 … 0

const step = compile((state: NoisySample, t: Step<DdpmCoefficient, Scalar>) =>
  scheduler.step(state, eps(scheduler.input(state, t), t.t), t),
)
let state = scheduler.init(noise(seed(0), [1, 3, 64, 64]))
for (const t of scheduler.timesteps) state = step(state, t)

const image = await toImage(scheduler.output(state))
console.log(await orThrow(writePng('out/cat-50.png', image)))
