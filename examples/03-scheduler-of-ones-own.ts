// A scheduler of one's own is a record whose `step` is a reducer. This one is DDIM with a heavy ball: it averages the noise it is told.
import { DDPM, ddimScheduler, drawWith, load, orThrow, sampleShape, seed, unet2d, writePng } from 'diffold'
import type { DdimCoefficient, NoisySample, Scheduler, SchedulerConfig, Tensor } from 'diffold'

type Momentum = NoisySample & { readonly v: Tensor }

const heavyBall = (config: SchedulerConfig, steps: number, beta = 0.2): Scheduler<Momentum, DdimCoefficient> => {
  const base = ddimScheduler(config, steps)
  return {
    ...base,
    init: (noise) => ({ ...base.init(noise), v: noise.head }), // at the start the sample is the noise
    start: (x, noise) => ({ ...base.start(x, noise), v: x }),
    step: (state, eps, t) => {
      const v = state.v.mul(beta).add(eps.mul(1 - beta))
      return { ...base.step(state, v, t), v }
    },
  }
}

const { unet, scheduler } = await orThrow(load(DDPM, 'models/ddpm-emoji-cat-64'))
const draw = drawWith(heavyBall(scheduler, 20), unet2d(unet), sampleShape(unet))
console.log(await orThrow(writePng('out/heavy-ball.png', await draw(seed(1)))))
