// Stable Diffusion taken apart: a tokenizer, a text encoder, a UNet, a decoder, and a loop that guides by hand.
import { autoencoderKL, batchOf, chunk, clipText, compile, concat, load, noise, orThrow, seed } from 'diffold'
import { StableDiffusion, tensor, toImage, unet2dCondition, unipcScheduler, writePng } from 'diffold'
import type { UnipcCoefficient, PredictedState, Scalar, Step, Tensor } from 'diffold'

const sd = await orThrow(load(StableDiffusion, 'models/sd-emoji-64'))
const [text, unet, vae] = [clipText(sd.text_encoder), unet2dCondition(sd.unet), autoencoderKL(sd.vae)]
const scheduler = unipcScheduler(sd.scheduler, 25)

const { ids } = batchOf(sd.tokenizer)(['', 'a tiger face']) // nothing at all, and what is wanted
const told = compile(text)(tensor(ids.flat(), [2, 77], 'i32')).lastHiddenState // [2, 77, 128]

const step = compile((state: PredictedState, t: Step<UnipcCoefficient, Scalar>, words: Tensor) => {
  const x = scheduler.input(state, t)
  const both = unet({ sample: concat([x, x], 0), timestep: t.t, encoderHiddenStates: words })
  const [unconditional, conditional] = chunk(both, 2) as [Tensor, Tensor]
  return scheduler.step(state, unconditional.add(conditional.sub(unconditional).mul(7.5)), t)
})
const fresh = noise(seed(0), [1, 4, 16, 16])
let state = scheduler.start(fresh.head.mul(scheduler.initNoiseSigma), fresh.next)
for (const t of scheduler.timesteps) state = step(state, t, told)

const picture = vae.decode(scheduler.output(state).div(sd.vae.config.scaling_factor)) // [1, 3, 64, 64]
console.log(await orThrow(writePng('out/tiger.png', await toImage(picture))))
