/** diffusers' UNet2DConditionModel: the UNet of Stable Diffusion 1 and 2, SDXL, Kandinsky 2, DeepFloyd IF and the latent upscalers. */
import { pipe } from 'fp-ts/lib/function.js'
import { consistent } from '../core/config.ts'
import { ProgramError } from '../errors.ts'
import type { Architecture, Model } from '../params/architecture.ts'
import { convOf, listOf, normOf, record, tensorOf, when, type ParamsOf } from '../params/codec.ts'
import { conv2d, groupNorm } from '../tensor/nn.ts'
import { concat, type Tensor } from '../tensor/tensor.ts'
import { activation } from './blocks/activation.ts'
import { additionEmbeddingOf, hintEmbedding } from './blocks/addition-embedding.ts'
import { renameAttention } from './blocks/attention.ts'
import { seesText } from './blocks/block-rules.ts'
import { classEmbeddingOf } from './blocks/class-embedding.ts'
import { biasOf, type Context } from './blocks/context.ts'
import { controlled, type Control } from './blocks/control.ts'
import { downBlock, downBlockOf, type Descent } from './blocks/down-block.ts'
import { grounding, groundingOf, type Grounding } from './blocks/gligen.ts'
import { midBlock, midBlockOf } from './blocks/mid-block.ts'
import { textProjection, textProjectionOf } from './blocks/text-projection.ts'
import { timeConditions, type TimeInputs } from './blocks/time-conditions.ts'
import { timestepEmbeddingOf } from './blocks/time-embedding.ts'
import { upBlock, upBlockOf, type Ascent } from './blocks/up-block.ts'
import { wanted } from './blocks/wanted.ts'
import { fields, planOf, type UNet2DConditionConfig } from './unet2d-condition-config.ts'
import { contradictions } from './unet2d-condition-rules.ts'

export type { UNet2DConditionConfig } from './unet2d-condition-config.ts'

const params = (c: UNet2DConditionConfig) => {
  const { first, time, waves, down, mid, up, context, classes, addition, projection } = planOf(c)
  const gated = c.attention_type !== 'default'
  return record({
    conv_in: convOf(c.in_channels, first, c.conv_in_kernel),
    time_proj: when(c.time_embedding_type === 'fourier', () => record({ weight: tensorOf(waves / 2) })),
    time_embedding: timestepEmbeddingOf(waves, time, c.time_cond_proj_dim),
    encoder_hid_proj: when(projection !== undefined, () => textProjectionOf(projection!)),
    class_embedding: classEmbeddingOf(classes, time),
    add_embedding: when(addition !== undefined, () => additionEmbeddingOf(addition!, time)),
    down_blocks: listOf(down.map(downBlockOf)),
    mid_block: when(mid !== undefined, () => midBlockOf(mid!)),
    up_blocks: listOf(up.map(upBlockOf)),
    conv_norm_out: when(c.norm_num_groups !== null, () => normOf(first)),
    conv_out: convOf(first, c.out_channels, c.conv_out_kernel),
    position_net: when(gated, () => groundingOf(context, context, c.attention_type === 'gated-text-image')),
  })
}

/** The parameters of a UNet2DConditionModel, under the checkpoint's names. */
export type UNet2DConditionParams = ParamsOf<typeof params>

/** What a loader needs to know of UNet2DConditionModel: its config, the parameters that a config calls for, and their old names. */
export const UNet2DConditionModel: Architecture<UNet2DConditionConfig, UNet2DConditionParams> = {
  className: 'UNet2DConditionModel',
  config: consistent(fields, (c) => contradictions(c, planOf)),
  params,
  rename: renameAttention,
}

/** What a UNet2DConditionModel is told; which of the optional inputs it takes, its config says. */
export type UNet2DConditionInputs = TimeInputs & {
  /** Hidden states of a text encoder, [N, S, E]. */
  readonly encoderHiddenStates?: Tensor | undefined
  /** Which of the states count, [N, S]: 1 or true for those that do. */
  readonly encoderAttentionMask?: Tensor | undefined
  /** Which of the pixels count as keys, [N, H W]; of the states, [N, S], in the blocks that have one attention for both. */
  readonly attentionMask?: Tensor | undefined
  readonly control?: Control | undefined
  /** Features of a T2I-Adapter, one for each block down and perhaps one for the middle. Mou et al. 2023. */
  readonly adapter?: readonly Tensor[] | undefined
  /** Objects with places, for models with a gated `attention_type`. */
  readonly gligen?: Grounding | undefined
}

const fits = (x: Tensor, y: Tensor | undefined): y is Tensor => y !== undefined && `${x.shape}` === `${y.shape}`

/**
 * A UNet2DConditionModel as a function: noisy samples [N, in, H, W], a timestep and what they should become give [N, out, H, W]. Heights
 * and widths need not be multiples of anything, unless the config has blocks that double by residual blocks (`ShapeError`); inputs that
 * are missing, or that the model does not take, are a `ProgramError`. Rombach et al. 2022; Podell et al. 2023.
 */
export const unet2dCondition = ({ config: c, params: p }: Model<UNet2DConditionConfig, UNet2DConditionParams>) => {
  const plan = planOf(c)
  const conditions = timeConditions(p, {
    first: plan.first,
    classes: plan.classes,
    act: c.act_fn,
    postAct: c.timestep_post_act,
    cosFirst: c.flip_sin_to_cos,
    shift: c.freq_shift,
    sizes: c.addition_time_embed_dim,
    poolHeads: c.addition_embed_type_num_heads,
    beside: c.class_embeddings_concat,
  })
  const contextOf = (inputs: UNet2DConditionInputs): Context => {
    const { encoderHiddenStates, encoderAttentionMask, attentionMask, added, gligen } = inputs
    const projection = p.encoder_hid_proj
    if (gligen !== undefined && p.position_net === undefined)
      throw new ProgramError('unet: this model has no gated attention_type, so it takes no gligen')
    const states = projection
      ? textProjection(projection, encoderHiddenStates, added?.imageEmbeds)
      : encoderHiddenStates
    return {
      states: seesText(plan) ? wanted('encoderHiddenStates', states) : undefined,
      statesBias: encoderAttentionMask && biasOf(encoderAttentionMask),
      bias: attentionMask && biasOf(attentionMask),
      objects: gligen && grounding(p.position_net!)(gligen),
    }
  }
  const picture = (x: Tensor, hint: Tensor | undefined): Tensor => {
    const centred = c.center_input_sample ? x.mul(2).sub(1) : x
    if (p.add_embedding === undefined || !('input_hint_block' in p.add_embedding)) return centred
    return concat([centred, hintEmbedding(p.add_embedding.input_hint_block)(wanted('added.hint', hint))], 1)
  }
  return (inputs: UNet2DConditionInputs): Tensor => {
    const { sample, added, control, adapter = [] } = inputs
    const embedded = conditions(inputs)
    const temb = c.time_embedding_act_fn === null ? embedded : activation(c.time_embedding_act_fn)(embedded) // [N or 1, temb]
    const context = contextOf(inputs)
    const image = picture(sample, added?.hint)
    const h = conv2d(p.conv_in, { padding: Math.floor((c.conv_in_kernel - 1) / 2) })(image) // [N, first, H, W]
    const descent = plan.down.reduce<Descent>(
      (flow, b, i) => downBlock(p.down_blocks[i]!, b, temb, { context, adapter: adapter[i] })(flow),
      { x: h, image, states: [h] },
    )
    const middle = p.mid_block === undefined ? descent.x : midBlock(p.mid_block, plan.mid!, temb, context)(descent.x)
    const extra = adapter[plan.down.length]
    const adapted = p.mid_block !== undefined && fits(middle, extra) ? middle.add(extra) : middle
    const ascent = plan.up.reduce<Ascent>((flow, b, i) => upBlock(p.up_blocks[i]!, b, temb, context)(flow), {
      x: control === undefined ? adapted : adapted.add(control.mid),
      image: undefined,
      states: control === undefined ? descent.states : controlled(descent.states, control),
    })
    const norm = (y: Tensor): Tensor =>
      p.conv_norm_out === undefined
        ? y
        : pipe(y, groupNorm(p.conv_norm_out, { groups: c.norm_num_groups!, eps: c.norm_eps }), activation(c.act_fn))
    return pipe(ascent.x, norm, conv2d(p.conv_out, { padding: Math.floor((c.conv_out_kernel - 1) / 2) })) // [N, out, H, W]
  }
}
