/** W1–W4: steps of diffusion, from noise on. */
import {
  conditionalUnet,
  DDPM,
  ddpmScheduler,
  fromStorage,
  guide,
  load,
  model,
  noise,
  orThrow,
  schedulerComponent,
  seed,
  unet2d,
  UNet2DConditionModel,
  unipcScheduler,
  type Scalar,
  type Step,
} from 'diffold'
import { work, type Extent, type Store, type Work } from './work.ts'

/** How many steps the whole picture takes: the grid that the first few of it are taken from. */
export const grid = 25

/** The shipped cats: a UNet2D and DDPM. */
export const unconditionalWork = async (store: Store, { steps }: Extent): Promise<Work> => {
  const { unet, scheduler: config } = await orThrow(load(DDPM, store.checkpoint('ddpm-emoji-cat-64')))
  const scheduler = ddpmScheduler(config, grid)
  const predict = unet2d(unet)
  return work({
    start: scheduler.init(noise(seed(0), [1, 3, 64, 64])),
    inputs: scheduler.timesteps.slice(0, steps),
    given: undefined,
    step: (state, t: Step<keyof (typeof scheduler.timesteps)[number], Scalar>) =>
      scheduler.step(state, predict(scheduler.input(state, t), t.t), t),
    seen: (state) => state.x,
  })
}

/** A guided step: a batch of two, guidance, UniPC. `words` are two hidden states: those of nothing, and of a prompt. */
export type GuidedSize = {
  readonly checkpoint: string
  readonly latents: number
  readonly words: readonly [number, number]
}

/** W2: the shipped emoji. */
export const emoji: GuidedSize = { checkpoint: 'sd-emoji-64', latents: 16, words: [77, 128] }
/** W3: Stable Diffusion 1.5 with every width divided by four. */
export const quarter: GuidedSize = { checkpoint: 'quarter', latents: 32, words: [77, 192] }
/** W4: all of it. */
export const full: GuidedSize = { checkpoint: 'full', latents: 64, words: [77, 768] }

/** What the conditions of a checkpoint are kept under. */
export const wordsOf = ({ checkpoint }: GuidedSize): string => `words-${checkpoint}`

/** A guided step of a text-to-image checkpoint. */
export const guidedWork = async (size: GuidedSize, store: Store, { steps }: Extent): Promise<Work> => {
  const wanted = { unet: model(UNet2DConditionModel), scheduler: schedulerComponent }
  const { unet, scheduler: config } = await orThrow(load(wanted, store.checkpoint(size.checkpoint)))
  const scheduler = unipcScheduler(config, grid)
  const denoise = guide(conditionalUnet(unet))
  const both = await store.floats(wordsOf(size))
  const half = both.length / 2
  const words = (data: Float32Array) => ({ encoderHiddenStates: fromStorage(data, [1, ...size.words], 'f32') })
  return work({
    start: scheduler.init(noise(seed(0), [1, 4, size.latents, size.latents])),
    inputs: scheduler.timesteps.slice(0, steps),
    given: { negative: words(both.slice(0, half)), positive: words(both.slice(half)), scale: 7.5 },
    step: (state, t: Step<keyof (typeof scheduler.timesteps)[number], Scalar>, given) =>
      scheduler.step(state, denoise(scheduler.input(state, t), t.t, given), t),
    seen: (state) => scheduler.output(state),
  })
}
