/** Two transformers side by side, one for a text and one for a picture. Xu et al. 2023 (Versatile Diffusion). */
import { listOf, record, type ParamsOf } from '../../params/codec.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Context } from './context.ts'
import { transformer2d, transformer2dOf, type TransformerSpec } from './transformer-2d.ts'

/** Two transformers of this kind. */
export type DualTransformerSpec = {
  readonly channels: number
  readonly headDim: number
  readonly dual: TransformerSpec
}

/** The parameters of both. */
export const dualTransformerOf = ({ dual }: DualTransformerSpec) =>
  record({ transformers: listOf([transformer2dOf(dual), transformer2dOf(dual)]) })

/** Parameters of both, under the checkpoint's names. */
export type DualTransformer = ParamsOf<typeof dualTransformerOf>

/** The tokens of the states that each of the two attends to: those of CLIP's text encoder, then those of its image encoder. */
const text = [0, 77] as const
const picture = [77, 77 + 257] as const

/** The mean of what both make of x [N, C, H, W], the first of the picture's tokens, the second of the text's. */
export const dualTransformer =
  (p: DualTransformer, { dual }: DualTransformerSpec, { states }: Context = {}) =>
  (x: Tensor): Tensor => {
    const change = (i: number, [start, end]: readonly [number, number]): Tensor =>
      transformer2d(p.transformers[i]!, dual, { states: states?.slice(1, start, end) })(x).sub(x)
    return change(1, text).mul(0.5).add(change(0, picture).mul(0.5)).add(x)
  }
