// Swapping the scheduler is one word: another constructor, applied to the same config. PNDM is the checkpoint's own.
import { grid, load, orThrow, seed, StableDiffusion, textToImage, unipcScheduler, writePng } from 'diffold'

const sd = await orThrow(load(StableDiffusion, 'models/sd-emoji-64'))
const request = { prompt: 'a rocket', guidance: 4 }

const pndm = textToImage(sd, { steps: 15 })
const unipc = textToImage(sd, { steps: 15, scheduler: unipcScheduler })

const pictures = [await pndm(request, seed(0)), await unipc(request, seed(0))]
console.log(await orThrow(writePng('out/pndm-unipc.png', grid(pictures, 2))))
