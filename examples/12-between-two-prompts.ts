// Between two prompts: what a prompt tells the UNet is a tensor, and tensors can be mixed. Five pictures are one batch.
import { concat, grid, load, orThrow, promptEncoder, seed, StableDiffusion } from 'diffold'
import { textToImage, unipcScheduler, writePng } from 'diffold'

const sd = await orThrow(load(StableDiffusion, 'models/sd-emoji-64'))
const encode = (text: string) => promptEncoder(sd.tokenizer, sd.text_encoder, 'last')([text]).states // [1, 77, 128]

const ratios = [0, 0.25, 0.5, 0.75, 1]
const [apple, lemon, nothing] = [encode('a red apple'), encode('a lemon'), encode('')] as const
const mixed = concat(ratios.map((r) => apple.mul(1 - r).add(lemon.mul(r))), 0) // [5, 77, 128]
