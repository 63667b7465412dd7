// A law, checked on generated cases: when the model knows the noise, DDIM never leaves the line from noise to sample.
import fc from 'fast-check'
import { ddimScheduler, noiseOf, read, tensor } from 'diffold'

const vector = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 4, maxLength: 4 })

const law = fc.asyncProperty(vector, vector, fc.integer({ min: 1, max: 50 }), async (clean, noise, steps) => {
  const [x0, eps] = [tensor(clean, [1, 4]), tensor(noise, [1, 4])]
  const scheduler = ddimScheduler({ clip_sample: false }, steps)
  const start = scheduler.start(scheduler.addNoise(x0, eps, scheduler.timesteps[0]!), noiseOf([]))
  const end = scheduler.timesteps.reduce((state, t) => scheduler.step(state, eps, t), start)
  const reached = await read(scheduler.output(end))
  return reached.every((v, i) => Math.abs(v - clean[i]!) < 1e-3)
})

await fc.assert(law, { numRuns: 30 })
console.log('holds for 30 generated samples, noises and step counts')
