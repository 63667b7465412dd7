/** The config of diffusers' UNet2DConditionModel, and the blocks that it calls for. */
import * as t from 'io-ts'
import { defaulted, integer, nullable, oneOf } from '../core/config.ts'
import { activationName } from './blocks/activation.ts'
import type { AdditionSpec } from './blocks/addition-embedding.ts'
import type { BlockOptions, TextOptions } from './blocks/block-options.ts'
import * as make from './blocks/block-options.ts'
import type { ClassSpec } from './blocks/class-embedding.ts'
import { blockTypes, perBlock, sampleSize, spread } from './blocks/config-fields.ts'
import { toldDownBlockTypes, toldDownSpec } from './blocks/down-block.ts'
import type { MidSpec } from './blocks/mid-block.ts'
import type { TextProjectionSpec } from './blocks/text-projection.ts'
import { toldUpBlockTypes, toldUpSpec } from './blocks/up-block.ts'

/** The fields that a ControlNet has too. */
export const encoderFields = {
  in_channels: defaulted(integer(1), 4),
  flip_sin_to_cos: defaulted(t.boolean, true),
  freq_shift: defaulted(t.number, 0),
  only_cross_attention: defaulted(perBlock(t.boolean), false),
  block_out_channels: defaulted(t.readonlyArray(integer(1)), [320, 640, 1280, 1280]),
  downsample_padding: defaulted(oneOf(0, 1), 1),
  mid_block_scale_factor: defaulted(t.number, 1),
  act_fn: defaulted(activationName, 'silu'),
  norm_num_groups: defaulted(nullable(integer(1)), 32),
  norm_eps: defaulted(t.number, 1e-5),
  transformer_layers_per_block: defaulted(perBlock(perBlock(integer(0))), 1),
  encoder_hid_dim: defaulted(nullable(integer(1)), null),
  attention_head_dim: defaulted(perBlock(integer(1)), 8),
  use_linear_projection: defaulted(t.boolean, false),
  addition_time_embed_dim: defaulted(nullable(integer(1)), null),
  addition_embed_type_num_heads: defaulted(integer(1), 64),
  num_class_embeds: defaulted(nullable(integer(1)), null),
  upcast_attention: defaulted(t.boolean, false),
  projection_class_embeddings_input_dim: defaulted(nullable(integer(1)), null),
}

/** The codec of the config, with the original's defaults. */
export const fields = t.type({
  ...encoderFields,
  sample_size: defaulted(sampleSize, null),
  out_channels: defaulted(integer(1), 4),
  center_input_sample: defaulted(t.boolean, false),
  down_block_types: defaulted(blockTypes(toldDownBlockTypes), [
    'CrossAttnDownBlock2D',
    'CrossAttnDownBlock2D',
    'CrossAttnDownBlock2D',
    'DownBlock2D',
  ]),
  mid_block_type: defaulted(
    oneOf('UNetMidBlock2DCrossAttn', 'UNetMidBlock2DSimpleCrossAttn', 'UNetMidBlock2D', null),
    'UNetMidBlock2DCrossAttn',
  ),
  up_block_types: defaulted(blockTypes(toldUpBlockTypes), [
    'UpBlock2D',
    'CrossAttnUpBlock2D',
    'CrossAttnUpBlock2D',
    'CrossAttnUpBlock2D',
  ]),
  layers_per_block: defaulted(perBlock(integer(0)), 2),
  dropout: defaulted(t.number, 0),
  cross_attention_dim: defaulted(perBlock(integer(1)), 1280),
  reverse_transformer_layers_per_block: defaulted(nullable(t.readonlyArray(perBlock(integer(0)))), null),
  encoder_hid_dim_type: defaulted(oneOf(null, 'text_proj', 'text_image_proj', 'image_proj'), null),
  // The original takes `attention_head_dim` for the number of heads, and refuses any other value here.
  num_attention_heads: defaulted(oneOf(null), null),
  dual_cross_attention: defaulted(t.boolean, false),
  class_embed_type: defaulted(oneOf(null, 'timestep', 'identity', 'projection', 'simple_projection'), null),
  addition_embed_type: defaulted(oneOf(null, 'text', 'text_image', 'text_time', 'image', 'image_hint'), null),
  resnet_time_scale_shift: defaulted(oneOf('default', 'scale_shift', 'ada_group', 'spatial'), 'default'),
  resnet_skip_time_act: defaulted(t.boolean, false),
  resnet_out_scale_factor: defaulted(t.number, 1),
  time_embedding_type: defaulted(oneOf('positional', 'fourier'), 'positional'),
  time_embedding_dim: defaulted(nullable(integer(0)), null),
  time_embedding_act_fn: defaulted(nullable(activationName), null),
  timestep_post_act: defaulted(nullable(activationName), null),
  time_cond_proj_dim: defaulted(nullable(integer(1)), null),
  conv_in_kernel: defaulted(integer(1), 3),
  conv_out_kernel: defaulted(integer(1), 3),
  attention_type: defaulted(oneOf('default', 'gated', 'gated-text-image'), 'default'),
  class_embeddings_concat: defaulted(t.boolean, false),
  mid_block_only_cross_attention: defaulted(nullable(t.boolean), null),
  cross_attention_norm: defaulted(oneOf(null, 'layer_norm', 'group_norm'), null),
})

/** The config of a UNet2DConditionModel, under the original's names and with its defaults. */
export type UNet2DConditionConfig = Readonly<t.TypeOf<typeof fields>>

/** What the blocks are made from: a ControlNet may name its number of heads. */
export type BlockConfig = Omit<UNet2DConditionConfig, 'num_attention_heads'> & {
  readonly num_attention_heads: number | readonly number[] | null
}

const classesOf = (c: BlockConfig, waves: number): ClassSpec => {
  const inner = c.projection_class_embeddings_input_dim ?? 0
  switch (c.class_embed_type) {
    case null:
      return c.num_class_embeds === null ? { _tag: 'None' } : { _tag: 'Table', rows: c.num_class_embeds }
    case 'timestep':
      return { _tag: 'Timestep', waves, act: c.act_fn }
    case 'identity':
      return { _tag: 'Identity' }
    case 'projection':
      return { _tag: 'Projection', inner }
    case 'simple_projection':
      return { _tag: 'Linear', inner }
  }
}

const additionOf = (c: BlockConfig, context: number): AdditionSpec | undefined => {
  const image = c.encoder_hid_dim ?? 0
  switch (c.addition_embed_type) {
    case null:
      return undefined
    case 'text':
      return { type: 'text', text: c.encoder_hid_dim ?? context }
    case 'text_image':
      return { type: 'text_image', text: context, image: context }
    case 'text_time':
      return { type: 'text_time', inner: c.projection_class_embeddings_input_dim ?? 0 }
    case 'image':
    case 'image_hint':
      return { type: c.addition_embed_type, image }
  }
}

const projectionOf = (c: BlockConfig, context: number): TextProjectionSpec | undefined => {
  const type = c.encoder_hid_dim_type ?? (c.encoder_hid_dim === null ? null : 'text_proj')
  return type === null ? undefined : { type, inner: c.encoder_hid_dim ?? 0, context }
}

/** What a config says of every block's attentions, from the first block down. */
const textsOf = (c: BlockConfig, blocks: number) => {
  const contexts = spread(c.cross_attention_dim, blocks)
  const heads = spread(c.num_attention_heads ?? c.attention_head_dim, blocks)
  const onlyCross = spread(c.only_cross_attention, blocks)
  return (i: number, depths: readonly number[]): TextOptions => ({
    context: contexts[i]!,
    heads: heads[i]!,
    depths,
    linear: c.use_linear_projection,
    onlyCross: onlyCross[i]!,
    dual: c.dual_cross_attention,
    gated: c.attention_type !== 'default',
    crossNorm: c.cross_attention_norm,
  })
}

const midOf = (c: BlockConfig, o: make.Told): MidSpec | undefined => {
  const groups = o.groups ?? Math.min(Math.floor(o.outer / 4), 32)
  const told = { ...o, groups, scale: c.mid_block_scale_factor }
  const whole = typeof c.only_cross_attention === 'boolean' ? c.only_cross_attention : false
  const onlyCross = c.mid_block_only_cross_attention ?? whole
  switch (c.mid_block_type) {
    case null:
      return undefined
    case 'UNetMidBlock2D':
      return { resnets: [{ ...make.adjusted(told, o.outer), skipTimeAct: false }], attentions: [] }
    case 'UNetMidBlock2DCrossAttn': {
      const resnet = { ...make.adjusted(told, o.outer), skipTimeAct: false }
      const text = { ...o.text, onlyCross: false }
      return { resnets: [resnet, resnet], attentions: make.transforming({ ...told, text }, 1) }
    }
    case 'UNetMidBlock2DSimpleCrossAttn': {
      const resnet = make.adjusted(told, o.outer)
      return {
        resnets: [resnet, resnet],
        attentions: [make.attendingAdded({ ...told, text: { ...o.text, onlyCross } })],
      }
    }
  }
}

/** What the blocks of either direction have in common, by their place on the way. */
const levelsOf = (c: BlockConfig) => {
  const channels = c.block_out_channels
  const blocks = channels.length
  const first = channels[0]!
  const fourier = c.time_embedding_type === 'fourier'
  const time = c.time_embedding_dim || (fourier ? 2 : 4) * first
  // Every list but this one is reversed on the way up; the original forgets it.
  const headDims = spread(c.attention_head_dim, blocks)
  const common = (i: number, outer: number): Omit<BlockOptions, 'layers' | 'inner'> => ({
    outer,
    temb: c.class_embeddings_concat ? 2 * time : time,
    sampled: i < blocks - 1,
    groups: c.norm_num_groups,
    eps: c.norm_eps,
    act: c.act_fn,
    timeNorm: c.resnet_time_scale_shift,
    headDim: headDims[i]!,
    sampling: 'conv',
    scale: c.resnet_out_scale_factor,
    skipTimeAct: c.resnet_skip_time_act,
  })
  return {
    channels,
    blocks,
    first,
    last: channels.at(-1)!,
    time,
    waves: fourier ? time : first,
    layers: spread(c.layers_per_block, blocks),
    depths: spread(c.transformer_layers_per_block, blocks),
    textOf: textsOf(c, blocks),
    common,
  }
}

/** The blocks down and in the middle that a config calls for, and the widths of what leads to them. */
export const encoderOf = (c: BlockConfig) => {
  const { channels, blocks, first, last, time, waves, layers, depths, textOf, common } = levelsOf(c)
  const down = channels.map((outer, i) => {
    const text = textOf(i, spread(depths[i]!, layers[i]!))
    const options = { ...common(i, outer), layers: layers[i]!, inner: channels[i - 1] ?? first, text }
    return toldDownSpec(c.down_block_types[i]!, { ...options, padding: c.downsample_padding })
  })
  const text = textOf(blocks - 1, spread(depths.at(-1)!, 1))
  const mid = midOf(c, { ...common(blocks - 1, last), layers: 1, inner: last, text })
  const context = spread(c.cross_attention_dim, blocks)[0]!
  const [classes, addition, projection] = [classesOf(c, waves), additionOf(c, context), projectionOf(c, context)]
  return { first, time, waves, down, mid, context, classes, addition, projection }
}

/** All the blocks that a config calls for, and the widths of what leads to them. */
export const planOf = (c: BlockConfig) => {
  const { channels, blocks, first, last, layers, depths, textOf, common } = levelsOf(c)
  const reversed = channels.toReversed()
  const upDepths = c.reverse_transformer_layers_per_block ?? depths.toReversed()
  const up = reversed.map((outer, i) => {
    const below = blocks - 1 - i
    const text = textOf(below, spread(upDepths[i]!, layers[below]! + 1))
    const inner = reversed[i + 1] ?? first
    const options = { ...common(i, outer), layers: layers[below]! + 1, inner, before: reversed[i - 1] ?? last, text }
    return toldUpSpec(c.up_block_types[i]!, options)
  })
  return { ...encoderOf(c), up }
}

/** The blocks of a model, and the widths of what leads to them. */
export type Plan = ReturnType<typeof planOf>
