// Between two prompts: what a prompt tells the UNet is a tensor, and tensors can be mixed. All five pictures are one batch.
import { concat, conditionalUnet, grid, guide, latentCodec, load, noise, orThrow, promptEncoder } from 'diffold'
import { sample, seed, StableDiffusion, toImages, unipcScheduler, writePng } from 'diffold'

const sd = await orThrow(load(StableDiffusion, 'models/sd-emoji-64'))
const encode = promptEncoder(sd.tokenizer, sd.text_encoder, 'last')
const fold = sample(unipcScheduler(sd.scheduler, 8), guide(conditionalUnet(sd.unet)))

const states = (prompt: string) => encode([prompt]).states // [1, 77, 128]
const [apple, lemon, nothing] = [states('a red apple'), states('a lemon'), states('')]

const ratios = [0, 0.25, 0.5, 0.75, 1]
const mixed = ratios.map((r) => apple.mul(1 - r).add(lemon.mul(r)))
const same = ratios.map(() => seed(0)) // the same noise for each
const latents = fold(noise(same, [5, 4, 16, 16]), {
  positive: { encoderHiddenStates: concat(mixed, 0) }, // [5, 77, 128]
  negative: { encoderHiddenStates: nothing.expand(5, 77, 128) },
  scale: 3,
})
console.log(await orThrow(writePng('out/apple-lemon.png', grid(await toImages(latentCodec(sd).decode(latents)), 5))))
