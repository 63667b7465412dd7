/** What a text-guided UNet is told of a batch of pictures. */
import type { Added } from '../models/blocks/addition-embedding.ts'
import { unet2dCondition, type UNet2DConditionConfig, type UNet2DConditionParams } from '../models/unet2d-condition.ts'
import type { Model } from '../params/architecture.ts'
import { concat, Tensor } from '../tensor/tensor.ts'
import { mapTree } from '../tensor/tree.ts'
import type { Denoiser } from './sample.ts'

/** A prompt as the UNet sees it, for N samples. */
export type Condition = {
  /** Hidden states of the prompt, [N, T, E]. */
  readonly encoderHiddenStates: Tensor
  /** What SDXL adds: the pooled text, and sizes. */
  readonly added?: Added
  /** The embedded guidance of a latent consistency model, [N, C]. */
  readonly timestepCond?: Tensor
  /** Channels that an inpainting UNet sees beside the sample: the mask and the masked picture, [N, 5, h, w]. */
  readonly beside?: Tensor
}

/** A UNet as a denoiser that is given a condition. */
export const conditionalUnet = (unet: Model<UNet2DConditionConfig, UNet2DConditionParams>): Denoiser<Condition> => {
  const predict = unet2dCondition(unet)
  return (x, timestep, { beside, ...condition }) =>
    predict({ ...condition, timestep, sample: beside === undefined ? x : concat([x, beside], 1) })
}

/** The condition of each sample `count` times in a row: several pictures for one prompt. */
export const repeated = <C>(condition: C, count: number): C =>
  mapTree((leaf) => {
    if (!(leaf instanceof Tensor) || count === 1) return leaf
    const [n, ...rest] = leaf.shape as [number, ...number[]]
    return leaf
      .reshape(n, 1, ...rest)
      .expand(n, count, ...rest)
      .reshape(n * count, ...rest)
  }, condition)
