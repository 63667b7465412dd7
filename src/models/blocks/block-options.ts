/** What the down and up blocks of a UNet have in common: what a config says of a block, and the layers made of it. */
import { imageAttention, imageAttentionOf, type AttentionSpec, type ImageAttention } from './attention.ts'
import type { Activation } from './activation.ts'
import { kAttention, kAttentionOf, type KAttention, type KAttentionSpec } from './k-attention.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { ResnetSpec } from './resnet.ts'

/** What a config says of one block. `inner` and `outer` are channels, `sampled` is false at the end of the path. */
export type BlockOptions = {
  readonly layers: number
  readonly inner: number
  readonly outer: number
  readonly temb: number
  readonly sampled: boolean
  /** Groups of the norms; blocks that choose their own do without. */
  readonly groups: number | null
  readonly eps: number
  readonly act: Activation
  readonly timeNorm: 'default' | 'scale_shift' | 'ada_group' | 'spatial'
  readonly headDim: number
  /** How the blocks that have a choice change size. */
  readonly sampling: 'conv' | 'resnet'
}

/** How the blocks of the score SDE's NCSN++ are scaled, so that the sum of two branches keeps its variance. */
const rootTwo = Math.SQRT2

/** A residual block of the usual kind. */
export const plain = (o: BlockOptions, inner: number, outer = o.outer): ResnetSpec => ({
  inner,
  outer,
  temb: o.temb,
  groups: o.groups ?? 0,
  eps: o.eps,
  act: o.act,
  timeNorm: o.timeNorm === 'scale_shift' ? 'scale_shift' : 'default',
})

/** A residual block of NCSN++: groups of four channels, 32 at most. Song et al. 2021, appendix H. */
export const scaled = (o: BlockOptions, inner: number, groups = Math.min(Math.floor(inner / 4), 32)): ResnetSpec => ({
  ...plain(o, inner),
  groups,
  groupsOut: Math.min(Math.floor(o.outer / 4), 32),
  scale: rootTwo,
})

/** A residual block of k-diffusion: norms that are told the time, groups of 32 channels, no bias on the shortcut. */
export const timed = (o: BlockOptions, inner: number): ResnetSpec => ({
  ...plain(o, inner),
  groups: Math.floor(inner / 32),
  groupsOut: Math.floor(o.outer / 32),
  timeNorm: 'ada_group',
  shortcutBias: false,
})

/** The attention of a usual block. */
export const attending = (o: BlockOptions): AttentionSpec => ({
  channels: o.outer,
  headDim: o.headDim,
  groups: o.groups ?? 0,
  eps: o.eps,
})

/** The attention of an NCSN++ block. */
export const attendingScaled = (o: BlockOptions): AttentionSpec => ({ ...attending(o), groups: 32, scale: rootTwo })

/** An attention of either kind. */
export type MixerSpec = AttentionSpec | KAttentionSpec
/** Parameters of an attention of either kind. */
export type Mixer = ImageAttention | KAttention

/** The parameters of an attention of either kind. */
export const mixerOf = (b: MixerSpec) => ('self' in b ? kAttentionOf(b) : imageAttentionOf(b))

/** An attention of either kind. */
export const mixer =
  (p: Mixer, b: MixerSpec, temb: Tensor) =>
  (x: Tensor): Tensor =>
    'attn2' in p ? kAttention(p, b as KAttentionSpec, temb)(x) : imageAttention(p, b as AttentionSpec)(x)
