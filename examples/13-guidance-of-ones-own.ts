// Guidance of one's own is a function of two answers. This one guides in the middle alone: at scale 7.5 the ends tear the picture up.
// Kynkäänniemi et al. 2024, Applying Guidance in a Limited Interval.
import { grid, guidance, load, orThrow, seed, StableDiffusion, textToImage } from 'diffold'
import { unipcScheduler, writePng, zeros, type Combine } from 'diffold'

const within =
  (from: number, until: number): Combine =>
  (positive, negative, scale, t) => {
    const time = zeros([]).add(t)
    const before = time.lt(until).where(scale, 1) // 1: the positive answer alone
    return guidance(positive, negative, time.ge(from).where(before, 1))
  }

const sd = await orThrow(load(StableDiffusion, 'models/sd-emoji-64'))
const options = { scheduler: unipcScheduler, steps: 12 }
const request = { prompt: 'a unicorn', guidance: 7.5 }

const always = await textToImage(sd, options)(request, seed(0))
const middle = await textToImage(sd, { ...options, combine: within(200, 800) })(request, seed(0))
console.log(await orThrow(writePng('out/guidance-interval.png', grid([always, middle], 2))))
