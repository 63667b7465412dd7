// A grid over guidance and steps: a pipeline is a value, made once for each number of steps. Guidance needs no new program.
import { grid, load, orThrow, seed, StableDiffusion, textToImage, unipcScheduler, writePng } from 'diffold'

const sd = await orThrow(load(StableDiffusion, 'models/sd-emoji-64'))
const scales = [1, 3, 5] // from left to right; 1 is none

const rows = [4, 8, 12].map((steps) => {
  const draw = textToImage(sd, { scheduler: unipcScheduler, steps })
  return scales.map((guidance) => draw({ prompt: 'a unicorn', guidance }, seed(0)))
})
const pictures = await Promise.all(rows.flat())
console.log(await orThrow(writePng('out/grid.png', grid(pictures, scales.length))))
