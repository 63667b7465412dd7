/** Group normalisation whose gain and shift come from the time embedding. */
import { linearOf, record, type ParamsOf } from '../../params/codec.ts'
import { chunk, groupNorm, linear } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** Parameters: `linear` [2 channels, features]. */
export const adaGroupNormOf = (features: number, channels: number) =>
  record({ linear: linearOf(features, 2 * channels) })

/** norm(x) (1 + scale) + shift, (scale, shift) = linear(temb), for x [N, C, H, W]. Dhariwal & Nichol 2021, section 3. */
export const adaGroupNorm =
  (p: ParamsOf<typeof adaGroupNormOf>, options: { readonly groups: number; readonly eps?: number }, temb: Tensor) =>
  (x: Tensor): Tensor => {
    const time = linear(p.linear)(temb) // [N, 2 C]
    const [scale, shift] = chunk(time.reshape(...time.shape, 1, 1), 2, 1) as [Tensor, Tensor] // [N, C, 1, 1] each
    return groupNorm({}, options)(x).mul(scale.add(1)).add(shift)
  }
