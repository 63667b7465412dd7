/** The encoder of an autoencoder: pictures to latents. */
import { pipe } from 'fp-ts/lib/function.js'
import { convOf, listOf, normOf, record, when, type ParamsOf } from '../../params/codec.ts'
import { conv2d } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import * as make from './coder-options.ts'
import type { CoderOptions, LevelSpec } from './coder-options.ts'
import { midBlock, midBlockOf } from './mid-block.ts'
import { convSamplerOf, downsample } from './sampling.ts'

/** The names of the encoder's blocks. */
export const encoderBlockTypes = ['DownEncoderBlock2D', 'AttnDownEncoderBlock2D'] as const

const planOf = (o: CoderOptions) => make.levelsOf(o, o.channels, o.channels[0]!, o.layers)

const downOf = (b: LevelSpec) =>
  record({ ...make.layersOf(b), downsamplers: when(b.sampled, () => listOf([convSamplerOf(b.channels)])) })

/** The parameters of an encoder that ends in `out` channels. */
export const encoderOf = (o: CoderOptions, out: number) =>
  record({
    conv_in: convOf(o.image, o.channels[0]!, 3),
    down_blocks: listOf(planOf(o).map(downOf)),
    mid_block: midBlockOf(make.middleOf(o)),
    conv_norm_out: normOf(o.channels.at(-1)!),
    conv_out: convOf(o.channels.at(-1)!, out, 3),
  })

/** Pictures [N, image, H, W] → [N, out, H / f, W / f] with f = 2^(levels − 1), halves rounded down. Esser et al. 2021, table 7. */
export const encoder = (p: ParamsOf<typeof encoderOf>, o: CoderOptions) => {
  const plan = planOf(o)
  return (x: Tensor): Tensor => {
    const h = conv2d(p.conv_in, { padding: 1 })(x)
    const small = plan.reduce((flow, b, i) => {
      const block = p.down_blocks[i]!
      const y = make.layers(block, b)(flow) // [N, channels, H / 2^i, W / 2^i]
      return block.downsamplers === undefined ? y : downsample(block.downsamplers[0]!, { padding: 0 })(y)
    }, h)
    return pipe(small, midBlock(p.mid_block, make.middleOf(o)), make.end(p, o))
  }
}
