/** Half and double size. */
import { pipe } from 'fp-ts/lib/function.js'
import { convOf, record, type ParamsOf } from '../../params/codec.ts'
import { conv2d, resizeNearest } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** Parameters of a sampler with a convolution: `conv` [channels, channels, 3, 3]. */
export const convSamplerOf = (channels: number) => record({ conv: convOf(channels, channels, 3) })

/** Parameters of a sampler with a convolution. */
export type ConvSampler = ParamsOf<typeof convSamplerOf>

/** Half size by a 3 × 3 convolution of stride 2. Padding 0 stands for one row below and one column to the right, as TensorFlow pads. */
export const downsample =
  (p: ConvSampler, { padding = 1 }: { readonly padding?: number } = {}) =>
  (x: Tensor): Tensor =>
    conv2d(p.conv, { stride: 2, padding: padding === 0 ? [0, 1, 0, 1] : padding })(x) // [N, C, H / 2, W / 2]

/** Twice the size, every pixel four times. */
export const double = (x: Tensor): Tensor => resizeNearest(2 * x.shape[2]!, 2 * x.shape[3]!)(x) // [N, C, 2 H, 2 W]

/** Twice the size, or `size` ([height, width]) if given, by the nearest pixel, then a 3 × 3 convolution. */
export const upsample =
  (p: ConvSampler, size?: readonly [number, number]) =>
  (x: Tensor): Tensor =>
    pipe(x, size === undefined ? double : resizeNearest(...size), conv2d(p.conv, { padding: 1 }))
