// Image to image: a picture is noised half way and denoised towards another prompt. The more strength, the less of it stays.
import {
  grid,
  imageToImage,
  load,
  orThrow,
  seed,
  StableDiffusion,
  textToImage,
  unipcScheduler,
  writePng,
} from 'diffold'

const sd = await orThrow(load(StableDiffusion, 'models/sd-emoji-64'))
const options = { scheduler: unipcScheduler, steps: 12 }

const apple = await textToImage(sd, options)({ prompt: 'a red apple', guidance: 5 }, seed(0))
const redraw = imageToImage(sd, options)
const pictures = [0.1, 0.2, 0.4].map((strength) =>
  redraw({ prompt: 'an orange', image: apple, strength, guidance: 5 }, seed(1)),
)
console.log(await orThrow(writePng('out/apple-orange.png', grid([apple, ...(await Promise.all(pictures))], 4))))
