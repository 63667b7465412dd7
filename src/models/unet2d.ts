/** diffusers' UNet2DModel: the unconditional and class-conditional UNet of DDPM, of ADM, and of NCSN++. */
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { consistent, defaulted, integer, nullable, oneOf, type Contradiction } from '../core/config.ts'
import { ProgramError, ShapeError } from '../errors.ts'
import type { Architecture, Model } from '../params/architecture.ts'
import { convOf, listOf, normOf, record, tensorOf, when, type ParamsOf } from '../params/codec.ts'
import { conv2d, embedding, groupNorm, silu, type Embedding } from '../tensor/nn.ts'
import type { Scalar, Tensor } from '../tensor/tensor.ts'
import { activationName } from './blocks/activation.ts'
import { renameAttention } from './blocks/attention.ts'
import type { BlockOptions } from './blocks/block-options.ts'
import { hasEmptyBlock, narrowAttention, timedNorms, unevenNorm } from './blocks/block-rules.ts'
import { blockTypes, sampleSize } from './blocks/config-fields.ts'
import { downBlock, downBlockOf, downBlockTypes, downSpec, type Descent } from './blocks/down-block.ts'
import { midBlock, midBlockOf, type MidSpec } from './blocks/mid-block.ts'
import type { ResnetSpec } from './blocks/resnet.ts'
import * as time from './blocks/time-embedding.ts'
import { upBlock, upBlockOf, upBlockTypes, upSpec, type Ascent } from './blocks/up-block.ts'

const fields = t.type({
  sample_size: defaulted(sampleSize, null),
  in_channels: defaulted(integer(1), 3),
  out_channels: defaulted(integer(1), 3),
  center_input_sample: defaulted(t.boolean, false),
  time_embedding_type: defaulted(oneOf('positional', 'fourier', 'learned'), 'positional'),
  time_embedding_dim: defaulted(nullable(integer(0)), null),
  freq_shift: defaulted(t.number, 0),
  flip_sin_to_cos: defaulted(t.boolean, true),
  down_block_types: defaulted(blockTypes(downBlockTypes), [
    'DownBlock2D',
    'AttnDownBlock2D',
    'AttnDownBlock2D',
    'AttnDownBlock2D',
  ]),
  mid_block_type: defaulted(oneOf('UNetMidBlock2D', null), 'UNetMidBlock2D'),
  up_block_types: defaulted(blockTypes(upBlockTypes), ['AttnUpBlock2D', 'AttnUpBlock2D', 'AttnUpBlock2D', 'UpBlock2D']),
  block_out_channels: defaulted(t.readonlyArray(integer(1)), [224, 448, 672, 896]),
  layers_per_block: defaulted(integer(0), 2),
  mid_block_scale_factor: defaulted(t.number, 1),
  downsample_padding: defaulted(oneOf(0, 1), 1),
  downsample_type: defaulted(oneOf('conv', 'resnet', null), 'conv'),
  upsample_type: defaulted(oneOf('conv', 'resnet', null), 'conv'),
  dropout: defaulted(t.number, 0),
  act_fn: defaulted(activationName, 'silu'),
  attention_head_dim: defaulted(nullable(integer(1)), 8),
  norm_num_groups: defaulted(nullable(integer(1)), 32),
  attn_norm_num_groups: defaulted(nullable(integer(1)), null),
  norm_eps: defaulted(t.number, 1e-5),
  resnet_time_scale_shift: defaulted(oneOf('default', 'scale_shift', 'ada_group', 'spatial'), 'default'),
  add_attention: defaulted(t.boolean, true),
  class_embed_type: defaulted(oneOf(null, 'timestep', 'identity'), null),
  num_class_embeds: defaulted(nullable(integer(1)), null),
  num_train_timesteps: defaulted(nullable(integer(1)), null),
})

/** The config of a UNet2DModel, under the original's names and with its defaults. */
export type UNet2DConfig = Readonly<t.TypeOf<typeof fields>>

/** The blocks that a config calls for. */
const planOf = (c: UNet2DConfig) => {
  const channels = c.block_out_channels
  const [first, last] = [channels[0]!, channels.at(-1)!]
  const temb = c.time_embedding_dim || 4 * first
  const common = (i: number, outer: number) => ({
    outer,
    temb,
    sampled: i < channels.length - 1,
    groups: c.norm_num_groups,
    eps: c.norm_eps,
    act: c.act_fn,
    timeNorm: c.resnet_time_scale_shift,
    headDim: c.attention_head_dim ?? outer,
  })
  const down = channels.map((outer, i) => {
    const inner = channels[i - 1] ?? first
    const sampling = c.downsample_type ?? 'conv'
    const options: BlockOptions = { ...common(i, outer), layers: c.layers_per_block, inner, sampling }
    return downSpec(c.down_block_types[i]!, { ...options, padding: c.downsample_padding })
  })
  const reversed = channels.toReversed()
  const up = reversed.map((outer, i) => {
    const inner = reversed[i + 1] ?? first
    const sampling = c.upsample_type ?? 'conv'
    const options: BlockOptions = { ...common(i, outer), layers: c.layers_per_block + 1, inner, sampling }
    return upSpec(c.up_block_types[i]!, { ...options, before: reversed[i - 1] ?? last })
  })
  const waves = c.time_embedding_type === 'fourier' ? 2 * first : first
  return { first, temb, waves, down, mid: c.mid_block_type === null ? undefined : midOf(c, last, temb), up }
}

const quarter = (channels: number): number => Math.min(Math.floor(channels / 4), 32)

const midOf = (c: UNet2DConfig, channels: number, temb: number): MidSpec => {
  const { norm_eps: eps, mid_block_scale_factor: scale } = c
  const groups = c.norm_num_groups ?? quarter(channels)
  const timeNorm = c.resnet_time_scale_shift === 'scale_shift' ? 'scale_shift' : 'default'
  const resnet: ResnetSpec = { inner: channels, outer: channels, temb, groups, eps, act: c.act_fn, timeNorm, scale }
  const attention = {
    channels,
    headDim: c.attention_head_dim ?? channels,
    groups: c.attn_norm_num_groups ?? (timeNorm === 'default' ? groups : undefined),
    eps,
    scale,
  }
  return { resnets: [resnet, resnet], attentions: c.add_attention ? [attention] : [] }
}

type Plan = ReturnType<typeof planOf>
type Rule = (c: UNet2DConfig, plan: Plan) => readonly Contradiction[]

const learnedLength: Rule = (c) =>
  c.time_embedding_type === 'learned' && c.num_train_timesteps === null
    ? [{ field: 'num_train_timesteps', why: 'gives a learned time embedding no length' }]
    : []

const pictures: Rule = (c, { down, up }) =>
  (
    [
      ['in_channels', down],
      ['out_channels', up],
    ] as const
  )
    .filter(([field, blocks]) => c[field] !== 3 && blocks.some((b) => b.sampler._tag === 'Fir'))
    .map(([field]) => ({ field, why: 'cannot be where Skip blocks carry the picture along', allowed: ['3'] }))

const emptyBlocks: Rule = (_, plan) =>
  hasEmptyBlock(plan)
    ? [{ field: 'layers_per_block', why: 'leaves KUpBlock2D or KCrossAttnUpBlock2D without a layer' }]
    : []

const evenNorms: Rule = (c, plan) => {
  const uneven = unevenNorm(plan, [plan.first, c.norm_num_groups ?? quarter(plan.first)])
  if (uneven === undefined) return []
  const [channels, groups] = uneven
  const field =
    groups === (c.norm_num_groups ?? 0)
      ? 'norm_num_groups'
      : groups === c.attn_norm_num_groups
        ? 'attn_norm_num_groups'
        : 'block_out_channels'
  return [{ field, why: `puts ${channels} channels of a norm into ${groups} groups, which do not divide them` }]
}

const wideHeads: Rule = (_, plan) => {
  const narrow = narrowAttention(plan)
  if (narrow === undefined) return []
  return [{ field: 'attention_head_dim', why: `is more than the ${narrow.channels} channels of a block` }]
}

const rules: readonly Rule[] = [learnedLength, timedNorms, pictures, emptyBlocks, evenNorms, wideHeads]

const contradictions = (c: UNet2DConfig): readonly Contradiction[] => {
  const levels = c.block_out_channels.length
  const counts = (['down_block_types', 'up_block_types'] as const)
    .filter((field) => c[field].length !== levels || levels === 0)
    .map((field) => ({ field, why: `names ${c[field].length} blocks for ${levels} block_out_channels` }))
  if (counts.length > 0) return counts
  const plan = planOf(c)
  return rules.flatMap((rule) => rule(c, plan))
}

const params = (c: UNet2DConfig) => {
  const { first, temb, waves, down, mid, up } = planOf(c)
  const classTable = c.class_embed_type === null && c.num_class_embeds !== null
  return record({
    conv_in: convOf(c.in_channels, first, 3),
    time_proj: when(c.time_embedding_type !== 'positional', () =>
      record({
        weight: c.time_embedding_type === 'learned' ? tensorOf(c.num_train_timesteps!, first) : tensorOf(first),
      }),
    ),
    time_embedding: time.timestepEmbeddingOf(waves, temb),
    class_embedding: when(classTable || c.class_embed_type === 'timestep', () =>
      classTable ? record({ weight: tensorOf(c.num_class_embeds!, temb) }) : time.timestepEmbeddingOf(waves, temb),
    ),
    down_blocks: listOf(down.map(downBlockOf)),
    mid_block: when(mid !== undefined, () => midBlockOf(mid!)),
    up_blocks: listOf(up.map(upBlockOf)),
    conv_norm_out: normOf(first),
    conv_out: convOf(first, c.out_channels, 3),
  })
}

/** The parameters of a UNet2DModel, under the checkpoint's names. */
export type UNet2DParams = ParamsOf<typeof params>

/** What a loader needs to know of UNet2DModel: its config, the parameters that a config calls for, and their old names. */
export const UNet2DModel: Architecture<UNet2DConfig, UNet2DParams> = {
  className: 'UNet2DModel',
  config: consistent(fields, contradictions),
  params,
  rename: renameAttention,
}

/** What some models want to know beside the timestep: a class for each sample, [N], or its embedding, [N, features]. */
export type UNet2DOptions = { readonly classLabels?: Tensor | undefined }

/**
 * A UNet2DModel as a denoiser: noisy samples [N, in, H, W] and a timestep (a number, [] or [N]) give [N, out, H, W]. Heights and widths
 * are multiples of 2^(levels − 1), or `ShapeError`; labels that are missing, or that the model does not take, are a `ProgramError`.
 * Ho et al. 2020, appendix B; Song et al. 2021, appendix H; Dhariwal & Nichol 2021.
 */
export const unet2d = ({ config: c, params: p }: Model<UNet2DConfig, UNet2DParams>) => {
  const plan = planOf(c)
  const factor = 2 ** (plan.down.length - 1)
  const sinusoids = time.sinusoids(plan.first, { cosFirst: c.flip_sin_to_cos, shift: c.freq_shift })
  const waves = (steps: Tensor): Tensor => {
    switch (c.time_embedding_type) {
      case 'positional':
        return sinusoids(steps)
      case 'fourier':
        return time.gaussianFourier(p.time_proj!)(steps)
      case 'learned':
        return embedding(p.time_proj!)(steps.to('i32'))
    }
  }
  const classes = (labels: Tensor | undefined): Tensor | undefined => {
    const wanted = c.class_embed_type !== null || c.num_class_embeds !== null
    if (labels === undefined && wanted) throw new ProgramError('unet2d: this model wants classLabels')
    if (labels === undefined) return undefined
    if (!wanted) throw new ProgramError('unet2d: this model knows no classes, so it takes no classLabels')
    if (c.class_embed_type === 'identity') return labels
    const each = labels.reshape(-1)
    return p.class_embedding !== undefined && 'linear_1' in p.class_embedding
      ? time.timestepEmbedding(p.class_embedding)(waves(each.to('f32')))
      : embedding(p.class_embedding as Embedding)(each.to('i32'))
  }
  return (x: Tensor, t: Scalar, { classLabels }: UNet2DOptions = {}): Tensor => {
    const steps = time.timestepsOf(t) // [1] or [N]
    if (steps.shape[0] !== 1 && steps.shape[0] !== x.shape[0])
      throw new ShapeError('unet2d', [x.shape, steps.shape], 'are not one timestep a sample')
    if (x.shape.slice(2).some((d) => d % factor !== 0))
      throw new ShapeError('unet2d', [x.shape], `has a height or width that is no multiple of ${factor}`)
    const plainTime = pipe(steps, waves, time.timestepEmbedding(p.time_embedding))
    const labelled = classes(classLabels)
    const temb = labelled === undefined ? plainTime : plainTime.add(labelled) // [1 or N, temb]
    const image = c.center_input_sample ? x.mul(2).sub(1) : x
    const h = conv2d(p.conv_in, { padding: 1 })(image) // [N, first, H, W]
    const descent = plan.down.reduce<Descent>((flow, b, i) => downBlock(p.down_blocks[i]!, b, temb)(flow), {
      x: h,
      image,
      states: [h],
    })
    const middle = plan.mid === undefined ? descent.x : midBlock(p.mid_block!, plan.mid, temb)(descent.x)
    const ascent = plan.up.reduce<Ascent>((flow, b, i) => upBlock(p.up_blocks[i]!, b, temb)(flow), {
      x: middle,
      image: undefined,
      states: descent.states,
    })
    const norm = groupNorm(p.conv_norm_out, { groups: c.norm_num_groups ?? quarter(plan.first), eps: c.norm_eps })
    const out = pipe(ascent.x, norm, silu, conv2d(p.conv_out, { padding: 1 })) // [N, out, H, W]
    const whole = ascent.image === undefined ? out : out.add(ascent.image)
    return c.time_embedding_type === 'fourier' ? whole.div(steps.reshape(-1, 1, 1, 1)) : whole
  }
}
