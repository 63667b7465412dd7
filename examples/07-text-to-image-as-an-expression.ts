// Text to image is an expression: noise goes through a guided fold and a decoder, and is a picture.
import { pipe } from 'fp-ts/lib/function.js'
import { conditionalUnet, conditionsOf, guide, latentCodec, latentShape, load, nativeSize, noise } from 'diffold'
import { orThrow, sample, seed, StableDiffusion, toImage, unipcScheduler, writePng, type Seed } from 'diffold'

const sd = await orThrow(load(StableDiffusion, 'models/sd-emoji-64'))

const fold = sample(unipcScheduler(sd.scheduler, 15), guide(conditionalUnet(sd.unet)))
const told = conditionsOf(sd) // a prompt and its opposite, encoded
const { decode } = latentCodec(sd)

const draw = (prompt: string) => (from: Seed) =>
  pipe(
    noise(from, latentShape(sd, nativeSize(sd))), // [1, 4, 16, 16]
    (fresh) => fold(fresh, told({ prompt, guidance: 5 })),
    decode, // [1, 3, 64, 64]
    toImage,
  )

console.log(await orThrow(writePng('out/sunflower.png', await draw('a sunflower')(seed(0)))))
