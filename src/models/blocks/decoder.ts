/** The decoder of an autoencoder: latents to pictures. */
import { pipe } from 'fp-ts/lib/function.js'
import { convOf, listOf, normOf, record, when, type ParamsOf } from '../../params/codec.ts'
import { conv2d } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import * as make from './coder-options.ts'
import type { CoderOptions, LevelSpec } from './coder-options.ts'
import { midBlock, midBlockOf } from './mid-block.ts'
import { convSamplerOf, upsample } from './sampling.ts'

/** The names of the decoder's blocks. */
export const decoderBlockTypes = ['UpDecoderBlock2D', 'AttnUpDecoderBlock2D'] as const

const planOf = (o: CoderOptions) => make.levelsOf(o, o.channels.toReversed(), o.channels.at(-1)!, o.layers + 1)

const upOf = (b: LevelSpec) =>
  record({ ...make.layersOf(b), upsamplers: when(b.sampled, () => listOf([convSamplerOf(b.channels)])) })

/** The parameters of a decoder. */
export const decoderOf = (o: CoderOptions) =>
  record({
    conv_in: convOf(o.latent, o.channels.at(-1)!, 3),
    mid_block: midBlockOf(make.middleOf(o)),
    up_blocks: listOf(planOf(o).map(upOf)),
    conv_norm_out: normOf(o.channels[0]!),
    conv_out: convOf(o.channels[0]!, o.image, 3),
  })

/** Latents [N, latent, H, W] → pictures [N, image, f H, f W] with f = 2^(levels − 1). Esser et al. 2021, table 7. */
export const decoder = (p: ParamsOf<typeof decoderOf>, o: CoderOptions) => {
  const plan = planOf(o)
  return (z: Tensor): Tensor => {
    const small = pipe(z, conv2d(p.conv_in, { padding: 1 }), midBlock(p.mid_block, make.middleOf(o)))
    const large = plan.reduce((flow, b, i) => {
      const block = p.up_blocks[i]!
      const y = make.layers(block, b)(flow) // [N, channels, 2^i H, 2^i W]
      return block.upsamplers === undefined ? y : upsample(block.upsamplers[0]!)(y)
    }, small)
    return make.end(p, o)(large)
  }
}
