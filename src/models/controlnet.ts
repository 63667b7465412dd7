/** diffusers' ControlNetModel: a copy of a UNet's way down that follows a picture. Zhang et al. 2023. */
import { either as E } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { consistent, defaulted, integer, nullable, oneOf } from '../core/config.ts'
import type { Architecture, Model } from '../params/architecture.ts'
import { convOf, listOf, record, when, type ParamsOf } from '../params/codec.ts'
import { conv2d, silu } from '../tensor/nn.ts'
import type { Scalar, Tensor } from '../tensor/tensor.ts'
import { additionEmbeddingOf } from './blocks/addition-embedding.ts'
import { renameAttention } from './blocks/attention.ts'
import { classEmbeddingOf } from './blocks/class-embedding.ts'
import { seesText } from './blocks/block-rules.ts'
import { blockTypes, perBlock } from './blocks/config-fields.ts'
import { biasOf } from './blocks/context.ts'
import type { Control } from './blocks/control.ts'
import { downBlock, downBlockOf, type Descent } from './blocks/down-block.ts'
import { midBlock, midBlockOf } from './blocks/mid-block.ts'
import { textProjectionOf } from './blocks/text-projection.ts'
import { timeConditions, type TimeInputs } from './blocks/time-conditions.ts'
import { timestepEmbeddingOf } from './blocks/time-embedding.ts'
import { wanted } from './blocks/wanted.ts'
import { encoderFields, encoderOf, fields as unetFields, type BlockConfig } from './unet2d-condition-config.ts'
import { contradictions } from './unet2d-condition-rules.ts'

const fields = t.type({
  ...encoderFields,
  conditioning_channels: defaulted(integer(1), 3),
  // k-diffusion's blocks do not keep the states that a ControlNet is made of.
  down_block_types: defaulted(
    blockTypes([
      'CrossAttnDownBlock2D',
      'SimpleCrossAttnDownBlock2D',
      'DownBlock2D',
      'ResnetDownsampleBlock2D',
      'AttnDownBlock2D',
    ]),
    ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
  ),
  mid_block_type: defaulted(oneOf('UNetMidBlock2DCrossAttn', 'UNetMidBlock2D'), 'UNetMidBlock2DCrossAttn'),
  layers_per_block: defaulted(integer(0), 2),
  cross_attention_dim: defaulted(integer(1), 1280),
  transformer_layers_per_block: defaulted(perBlock(integer(0)), 1),
  encoder_hid_dim_type: defaulted(oneOf(null, 'text_proj', 'text_image_proj'), null),
  num_attention_heads: defaulted(nullable(perBlock(integer(1))), null),
  class_embed_type: defaulted(oneOf(null, 'timestep', 'identity', 'projection'), null),
  addition_embed_type: defaulted(oneOf(null, 'text', 'text_time'), null),
  resnet_time_scale_shift: defaulted(oneOf('default', 'scale_shift'), 'default'),
  controlnet_conditioning_channel_order: defaulted(oneOf('rgb', 'bgr'), 'rgb'),
  conditioning_embedding_out_channels: defaulted(t.readonlyArray(integer(1)), [16, 32, 96, 256]),
  global_pool_conditions: defaulted(t.boolean, false),
})

/** The config of a ControlNetModel, under the original's names and with its defaults. */
export type ControlNetConfig = Readonly<t.TypeOf<typeof fields>>

/** The config of a UNet with the same way down. */
const unetOf = (c: ControlNetConfig): BlockConfig => {
  const defaults = pipe(
    unetFields.decode({}),
    E.getOrElseW(() => {
      throw new TypeError('controlnet: the defaults of a UNet contradict each other')
    }),
  )
  return { ...defaults, ...c, up_block_types: c.down_block_types.map(() => 'UpBlock2D') }
}

const planOf = (c: BlockConfig) => ({ ...encoderOf(c), up: [] })

const params = (c: ControlNetConfig) => {
  const { first, time, waves, down, mid, classes, addition, projection } = planOf(unetOf(c))
  const widths = c.conditioning_embedding_out_channels
  const last = c.block_out_channels.at(-1)!
  const states = down.flatMap((b) => [...b.resnets, ...(b.sampler._tag === 'None' ? [] : [b])].map(() => b.channels))
  return record({
    conv_in: convOf(c.in_channels, first, 3),
    time_embedding: timestepEmbeddingOf(waves, time),
    // There in the checkpoints, but the original never uses it.
    encoder_hid_proj: when(projection !== undefined, () => textProjectionOf(projection!)),
    class_embedding: classEmbeddingOf(classes, time),
    add_embedding: when(addition !== undefined, () => additionEmbeddingOf(addition!, time)),
    controlnet_cond_embedding: record({
      conv_in: convOf(c.conditioning_channels, widths[0]!, 3),
      blocks: listOf(
        widths.slice(1).flatMap((to, i) => [convOf(widths[i]!, widths[i]!, 3), convOf(widths[i]!, to, 3)]),
      ),
      conv_out: convOf(widths.at(-1)!, first, 3),
    }),
    down_blocks: listOf(down.map(downBlockOf)),
    controlnet_down_blocks: listOf([first, ...states].map((channels) => convOf(channels, channels, 1))),
    mid_block: midBlockOf(mid!),
    controlnet_mid_block: convOf(last, last, 1),
  })
}

/** The parameters of a ControlNetModel, under the checkpoint's names. */
export type ControlNetParams = ParamsOf<typeof params>

/** What a loader needs to know of ControlNetModel: its config, the parameters that a config calls for, and their old names. */
export const ControlNetModel: Architecture<ControlNetConfig, ControlNetParams> = {
  className: 'ControlNetModel',
  config: consistent(fields, (c) => [
    ...(c.conditioning_embedding_out_channels.length === 0
      ? [{ field: 'conditioning_embedding_out_channels', why: 'names no channels' }]
      : []),
    ...contradictions(unetOf(c), planOf),
  ]),
  params,
  rename: renameAttention,
}

/** What a ControlNetModel is told. */
export type ControlNetInputs = TimeInputs & {
  /** The picture to follow, [N, channels, 8 H, 8 W] for latents [N, in, H, W] if the embedding halves three times. */
  readonly controlnetCond: Tensor
  /** How much of it there should be, 1 unless given. */
  readonly conditioningScale?: Scalar
  /** Less of it the shallower the state, from 1/10 on, for a UNet without a prompt. */
  readonly guessMode?: boolean
  /** Which of the pixels count as keys, [N, H W]. */
  readonly attentionMask?: Tensor | undefined
}

/** The picture at the size of the latents: [N, channels, 8 H, 8 W] → [N, first, H, W]. Zhang et al. 2023, section 3.3. */
const embedded =
  (p: ControlNetParams['controlnet_cond_embedding']) =>
  (picture: Tensor): Tensor => {
    const layer = (x: Tensor, i: number): Tensor =>
      silu(conv2d(p.blocks[i]!, { padding: 1, stride: i % 2 === 0 ? 1 : 2 })(x))
    const start = silu(conv2d(p.conv_in, { padding: 1 })(picture))
    return conv2d(p.conv_out, { padding: 1 })(p.blocks.reduce((x, _, i) => layer(x, i), start))
  }

/**
 * A ControlNetModel as a function: noisy samples [N, in, H, W], a timestep and a picture give what the `control` of a UNet adds to its
 * states. Inputs that are missing, or that the model does not take, are a `ProgramError`. Zhang et al. 2023, eq. 2 and 4.
 */
export const controlNet = ({ config: c, params: p }: Model<ControlNetConfig, ControlNetParams>) => {
  const plan = planOf(unetOf(c))
  const conditions = timeConditions(p, {
    first: plan.first,
    classes: plan.classes._tag === 'Timestep' ? { ...plan.classes, act: 'silu' } : plan.classes,
    act: c.act_fn,
    cosFirst: c.flip_sin_to_cos,
    shift: c.freq_shift,
    sizes: c.addition_time_embed_dim,
    poolHeads: c.addition_embed_type_num_heads,
  })
  return (inputs: ControlNetInputs): Control => {
    const { sample, encoderHiddenStates, attentionMask, controlnetCond, conditioningScale = 1, guessMode } = inputs
    const temb = conditions(inputs)
    const states = seesText(plan) ? wanted('encoderHiddenStates', encoderHiddenStates) : undefined
    const context = { states, bias: attentionMask && biasOf(attentionMask) }
    const picture = c.controlnet_conditioning_channel_order === 'bgr' ? controlnetCond.flip(1) : controlnetCond
    const h = conv2d(p.conv_in, { padding: 1 })(sample).add(embedded(p.controlnet_cond_embedding)(picture))
    const descent = plan.down.reduce<Descent>(
      (flow, b, i) => downBlock(p.down_blocks[i]!, b, temb, { context })(flow),
      { x: h, image: sample, states: [h] },
    )
    const middle = midBlock(p.mid_block, plan.mid!, temb, context)(descent.x)
    const steps = p.controlnet_down_blocks.length
    const share = (i: number): number => (guessMode === true && !c.global_pool_conditions ? 10 ** (i / steps - 1) : 1)
    const part = (x: Tensor, i: number): Tensor => {
      const scale =
        typeof conditioningScale === 'number' ? conditioningScale * share(i) : conditioningScale.mul(share(i))
      const scaled = x.mul(scale)
      return c.global_pool_conditions ? scaled.mean(2, 3) : scaled
    }
    return {
      down: p.controlnet_down_blocks.map((q, i) => part(conv2d(q)(descent.states[i]!), i)),
      mid: part(conv2d(p.controlnet_mid_block)(middle), steps),
    }
  }
}
