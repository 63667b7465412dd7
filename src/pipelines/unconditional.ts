/** Pictures from noise alone: the pipelines DDPM and DDIM. */
import { toImages, type Image } from '../image/image.ts'
import type { Model } from '../params/architecture.ts'
import { UNet2DModel, unet2d, type UNet2DConfig, type UNet2DParams } from '../models/unet2d.ts'
import { model, type Pipeline } from '../params/load.ts'
import type { Seed } from '../random/generator.ts'
import { ddimScheduler, type DdimOptions } from '../schedulers/ddim.ts'
import { ddpmScheduler } from '../schedulers/ddpm.ts'
import type { SchedulerConfig } from '../schedulers/config.ts'
import type { Scheduler } from '../schedulers/scheduler.ts'
import { noise } from '../tensor/noise.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { finish } from './owning.ts'
import { schedulerComponent } from './scheduler-component.ts'
import { states, type Denoiser, type Progress, type RunOptions } from './sample.ts'

/** A denoiser of pictures and the schedule it was trained on, as `load(DDPM, …)` gives them. */
export type UnconditionalModel = {
  readonly unet: Model<UNet2DConfig, UNet2DParams>
  readonly scheduler: SchedulerConfig
}

/** The parts of a checkpoint that diffusers calls DDPMPipeline or DDIMPipeline. */
export const DDPM: Pipeline<UnconditionalModel> = {
  unet: model(UNet2DModel),
  scheduler: schedulerComponent,
}

/** How a picture is drawn once the pipeline is there. */
export type DrawOptions = RunOptions & {
  /** Told after every step. */
  readonly onStep?: (progress: Progress<unknown>) => void
}

/** A pipeline from seeds to pictures. */
export interface Draw<S> {
  /** One picture. */
  (seed: Seed, options?: DrawOptions): Promise<Image>
  /** Several at once: from one generator, as Python's `batch_size`, or each from its own. */
  readonly batch: (count: number) => (seed: Seed | readonly Seed[], options?: DrawOptions) => Promise<readonly Image[]>
  /** Every state on the way, for a batch of `count`; returns the last sample. */
  readonly states: (
    seed: Seed | readonly Seed[],
    options?: RunOptions & { readonly count?: number },
  ) => AsyncGenerator<Progress<S>, Tensor>
}

/** A pipeline from noise of a shape to pictures: the fold of a scheduler over a denoiser. */
export const drawWith = <S, K extends string>(
  scheduler: Scheduler<S, K>,
  denoise: Denoiser,
  shape: readonly [channels: number, height: number, width: number],
): Draw<S> => {
  const run: Draw<S>['states'] = (seed, { count = 1, ...options } = {}) =>
    states(scheduler, denoise, options)(noise(seed, [count, ...shape]))
  const batch: Draw<S>['batch'] =
    (count) =>
    async (seed, { onStep, ...options } = {}) =>
      finish(run(seed, { count, ...options }), toImages, onStep)
  const one = async (seed: Seed, options?: DrawOptions): Promise<Image> => (await batch(1)(seed, options))[0]!
  return Object.assign(one, { batch, states: run })
}

/** The shape of one sample of a model. */
export const sampleShape = ({ config: c }: Model<UNet2DConfig, UNet2DParams>): readonly [number, number, number] => {
  const [height, width] =
    typeof c.sample_size === 'number' ? [c.sample_size, c.sample_size] : (c.sample_size ?? [64, 64])
  return [c.in_channels, height!, width!]
}

/**
 * The DDPM pipeline: ancestral sampling over `steps` of the training timesteps (1000 unless given), as diffusers' DDPMPipeline draws it.
 * Ho et al. 2020, algorithm 2.
 */
export const ddpm = ({ unet, scheduler }: UnconditionalModel, { steps = 1000 }: { readonly steps?: number } = {}) =>
  drawWith(ddpmScheduler(scheduler, steps), unet2d(unet), sampleShape(unet))

/**
 * The DDIM pipeline: `steps` (50 unless given), noise `eta` (0: none), as diffusers' DDIMPipeline draws it. Song et al. 2020, eq. 12.
 */
export const ddim = (
  { unet, scheduler }: UnconditionalModel,
  { steps = 50, ...options }: { readonly steps?: number } & Pick<DdimOptions, 'eta' | 'useClippedModelOutput'> = {},
) => drawWith(ddimScheduler(scheduler, steps, options), unet2d(unet), sampleShape(unet))
