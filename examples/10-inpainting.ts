// Inpainting: what is white in the mask is drawn anew, what is black stays. A mask is a picture, and a picture is a tensor.
import { grid, inpaint, iota, load, orThrow, seed, StableDiffusion, textToImage } from 'diffold'
import { toImage, unipcScheduler, writePng } from 'diffold'

const sd = await orThrow(load(StableDiffusion, 'models/sd-emoji-64'))
const options = { scheduler: unipcScheduler, steps: 15 }

const image = await textToImage(sd, options)({ prompt: 'a red apple', guidance: 5 }, seed(0))
const right = iota(64).ge(32).where(1, -1).expand(1, 1, 64, 64) // white from column 32 on
const mask = await toImage(right)

const drawn = await inpaint(sd, options)({ prompt: 'an orange', image, mask, guidance: 5 }, seed(0))
console.log(await orThrow(writePng('out/half-an-orange.png', grid([image, mask, drawn], 3))))
