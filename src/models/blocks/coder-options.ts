/** What the encoder and the decoder of an autoencoder have in common: what a config says, and the layers made of it. */
import { pipe } from 'fp-ts/lib/function.js'
import { listOf, when, type ParamsOf } from '../../params/codec.ts'
import { conv2d, groupNorm, silu, type Conv2d, type Norm } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Activation } from './activation.ts'
import { imageAttention, imageAttentionOf, type AttentionSpec } from './attention.ts'
import type { MidSpec } from './mid-block.ts'
import { resnet, resnetOf, type ResnetSpec } from './resnet.ts'

/** What a config says of an encoder or a decoder; `image` and `latent` are the channels at either end. */
export type CoderOptions = {
  readonly image: number
  readonly latent: number
  /** Channels of every level, the largest picture first. */
  readonly channels: readonly number[]
  /** Does a level attend after each residual block? Of the encoder the largest picture is first, of the decoder the smallest. */
  readonly attends: readonly boolean[]
  readonly layers: number
  readonly groups: number
  readonly act: Activation
  readonly midAttention: boolean
}

const eps = 1e-6

/** A residual block, which is told no time. */
export const plain = (o: CoderOptions, inner: number, outer: number): ResnetSpec => ({
  inner,
  outer,
  groups: o.groups,
  eps,
  act: o.act,
  timeNorm: 'default',
})

const attending = (o: CoderOptions, channels: number): AttentionSpec => ({
  channels,
  headDim: channels,
  groups: o.groups,
  eps,
})

/** The middle, between the smallest pictures of the way down and of the way up. */
export const middleOf = (o: CoderOptions): MidSpec => {
  const channels = o.channels.at(-1)!
  const one = plain(o, channels, channels)
  return { resnets: [one, one], attentions: o.midAttention ? [attending(o, channels)] : [] }
}

/** The residual blocks of a level, and the attentions after each, or none. */
export type LevelSpec = {
  readonly channels: number
  readonly resnets: readonly ResnetSpec[]
  readonly attentions: readonly AttentionSpec[]
  /** Does the level end by changing the size? */
  readonly sampled: boolean
}

/** The levels along `channels`, of which all but the last change the size; the first gets `first` channels. */
export const levelsOf = (
  o: CoderOptions,
  channels: readonly number[],
  first: number,
  layers: number,
): readonly LevelSpec[] =>
  channels.map((outer, i) => {
    const inner = channels[i - 1] ?? first
    return {
      channels: outer,
      resnets: Array.from({ length: layers }, (_, j) => plain(o, j === 0 ? inner : outer, outer)),
      attentions: o.attends[i] === true ? Array.from({ length: layers }, () => attending(o, outer)) : [],
      sampled: i < channels.length - 1,
    }
  })

/** The parameters of a level's residual blocks and attentions. */
export const layersOf = (b: LevelSpec) => ({
  resnets: listOf(b.resnets.map(resnetOf)),
  attentions: when(b.attentions.length > 0, () => listOf(b.attentions.map(imageAttentionOf))),
})

type Layers = { readonly [K in keyof ReturnType<typeof layersOf>]: ParamsOf<() => ReturnType<typeof layersOf>[K]> }

/** Residual blocks, attention after each: [N, inner, H, W] → [N, channels, H, W]. */
export const layers =
  (p: Layers, b: LevelSpec) =>
  (x: Tensor): Tensor =>
    b.resnets.reduce((h, spec, i) => {
      const y = resnet(p.resnets[i]!, spec)(h)
      const attend = p.attentions?.[i]
      return attend === undefined ? y : imageAttention(attend, b.attentions[i]!)(y)
    }, x)

/** The end: norm, SiLU whatever the config says, and a convolution. */
export const end =
  (p: { readonly conv_norm_out: Norm; readonly conv_out: Conv2d }, o: CoderOptions) =>
  (x: Tensor): Tensor =>
    pipe(x, groupNorm(p.conv_norm_out, { groups: o.groups, eps }), silu, conv2d(p.conv_out, { padding: 1 }))
