/** What the down and up blocks of a UNet have in common: what a config says of a block, and the layers made of it. */
import type { Activation } from './activation.ts'
import type { AddedAttentionSpec } from './added-attention.ts'
import type { AttentionSpec } from './attention.ts'
import type { DualTransformerSpec } from './dual-transformer.ts'
import type { ResnetSpec } from './resnet.ts'
import type { TransformerSpec } from './transformer-2d.ts'

/** What a config says of the attentions of a block that sees a text of `context` features. */
export type TextOptions = {
  readonly context: number
  readonly heads: number
  /** Transformer blocks after each residual block. */
  readonly depths: readonly number[]
  readonly linear: boolean
  readonly onlyCross: boolean
  readonly dual: boolean
  readonly gated: boolean
  readonly crossNorm: 'layer_norm' | 'group_norm' | null
}

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
  /** The residual blocks of `adjusted`: what their sums are divided by, and whether the time comes in without an activation. */
  readonly scale?: number
  readonly skipTimeAct?: boolean
  /** What the attentions see besides the pixels, in a model that sees a text. */
  readonly text?: TextOptions | undefined
}

/** The options of a block that sees a text. */
export type Told<O extends BlockOptions = BlockOptions> = O & { readonly text: TextOptions }

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

/** A residual block of the usual kind, with the adjustments that a config can ask for. */
export const adjusted = (o: BlockOptions, inner: number): ResnetSpec => ({
  ...plain(o, inner),
  scale: o.scale ?? 1,
  skipTimeAct: o.skipTimeAct ?? false,
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

/** The transformers of a block, one after each residual block: to a text, or one to a text and one to a picture. */
export const transforming = (
  { outer: channels, groups, text }: Told,
  layers: number,
): readonly (TransformerSpec | DualTransformerSpec)[] => {
  const { heads, context, depths } = text
  const headDim = Math.floor(channels / heads)
  return Array.from({ length: layers }, (_, i) => {
    const spec = { channels, heads, headDim, groups: groups ?? 0, context }
    if (!text.dual) {
      const { linear, onlyCross, gated } = text
      return { ...spec, depth: depths[i] ?? NaN, linear, onlyCross, gated }
    }
    return { channels, headDim, dual: { ...spec, depth: 1, linear: false, onlyCross: false, gated: false } }
  })
}

/** The attention of a block whose text comes in as added keys and values. */
export const attendingAdded = (o: Told): AddedAttentionSpec => ({
  channels: o.outer,
  headDim: o.headDim,
  groups: o.groups ?? 0,
  added: o.text.context,
  onlyCross: o.text.onlyCross,
  crossNorm: o.text.crossNorm,
})
