/** The blocks on a UNet's way up, by their names in `up_block_types`. */
import { pipe } from 'fp-ts/lib/function.js'
import { ProgramError } from '../../errors.ts'
import { convOf, listOf, normOf, record, when, type ParamsOf } from '../../params/codec.ts'
import { conv2d, groupNorm, silu } from '../../tensor/nn.ts'
import { concat, type Tensor } from '../../tensor/tensor.ts'
import * as make from './block-options.ts'
import type { BlockOptions, Told } from './block-options.ts'
import type { Context } from './context.ts'
import { firUp, mirrorUp } from './fir.ts'
import { mixer, mixerOf, type MixerSpec } from './mixer.ts'
import { resnet, resnetOf, type Resnet, type ResnetSpec } from './resnet.ts'
import { convSamplerOf, upsample, type ConvSampler } from './sampling.ts'

/** How a block ends: by a convolution, a residual block, the two branches of NCSN++, the mirrored filter, or at the same size. */
type Sampler =
  | { readonly _tag: 'Conv' }
  | { readonly _tag: 'Resnet'; readonly resnet: ResnetSpec }
  | { readonly _tag: 'Fir'; readonly resnet: ResnetSpec }
  | { readonly _tag: 'Mirror' }
  | { readonly _tag: 'None' }

/** Everything about one block that is not a parameter. Fewer attentions than residual blocks follow the last ones. */
export type UpSpec = {
  readonly channels: number
  readonly resnets: readonly ResnetSpec[]
  readonly attentions: readonly MixerSpec[]
  readonly sampler: Sampler
  /** Does every residual block see a state of the way down, or only the first? */
  readonly takes: 'each' | 'first'
  /** Does the picture grow beside the features, as in NCSN++? */
  readonly pictures: boolean
}

/** `inner` are the channels of the block after this one, `before` those of the block before. */
type Options = BlockOptions & { readonly before: number }

/** The channels that the i-th residual block gets from the block below and from the way down. */
const joined = (o: Options, i: number): readonly [number, number] => [
  i === 0 ? o.before : o.outer,
  i === o.layers - 1 ? o.inner : o.outer,
]
const each = (o: Options, layer: (below: number, across: number) => ResnetSpec): ResnetSpec[] =>
  Array.from({ length: o.layers }, (_, i) => layer(...joined(o, i)))

const usual = (o: Options, sampler: Sampler, attends = false): UpSpec => {
  const resnets = each(o, (below, across) => make.plain(o, below + across))
  return {
    channels: o.outer,
    resnets,
    attentions: attends ? resnets.map(() => make.attending(o)) : [],
    sampler: o.sampled ? sampler : { _tag: 'None' },
    takes: 'each',
    pictures: false,
  }
}
const byConv: Sampler = { _tag: 'Conv' }
const byResnet = (o: Options): Sampler => ({ _tag: 'Resnet', resnet: { ...make.plain(o, o.outer), resample: 'up' } })
const adjusted = (o: Options): UpSpec => ({
  ...usual(o, { _tag: 'Resnet', resnet: { ...make.adjusted(o, o.outer), resample: 'up' } }),
  resnets: each(o, (below, across) => make.adjusted(o, below + across)),
})

const skip = (o: Options, resnets: readonly ResnetSpec[], attentions: readonly MixerSpec[] = []): UpSpec => ({
  ...usual(o, { _tag: 'Fir', resnet: { ...make.scaled(o, o.outer), resample: 'firUp', shortcut: true } }),
  resnets,
  attentions,
  pictures: true,
})

const mirrored = (o: Options, resnets: readonly ResnetSpec[], attentions: readonly MixerSpec[] = []): UpSpec => ({
  ...usual(o, { _tag: 'Mirror' }),
  resnets,
  attentions,
  takes: 'first',
})
/** k-diffusion's blocks have a layer less, and leave with the channels of the next block. */
const kLayers = (o: Options, first: number, layer: (inner: number, last: boolean) => ResnetSpec): ResnetSpec[] =>
  Array.from({ length: o.layers - 1 }, (_, i) => layer(i === 0 ? first : o.outer, i === o.layers - 2))

const kCross = (o: Options): UpSpec => {
  const deepest = o.inner === o.outer && o.outer === o.temb
  const resnets = kLayers(o, deepest ? o.outer : 2 * o.outer, (inner, last) => ({
    ...make.timed(o, inner),
    middle: o.outer,
    outer: last ? o.inner : o.outer,
  }))
  const attention = { headDim: o.headDim, temb: o.temb, self: deepest, context: o.text?.context }
  const attentions = resnets.map((r) => ({ ...attention, channels: r.outer }))
  return mirrored(o, resnets, attentions)
}

/** Those of every UNet. */
const common = {
  UpBlock2D: (o) => usual(o, byConv),
  ResnetUpsampleBlock2D: adjusted,
  AttnUpBlock2D: (o) => usual(o, o.sampling === 'resnet' ? byResnet(o) : byConv, true),
  KUpBlock2D: (o) =>
    mirrored(
      o,
      kLayers(o, 2 * o.outer, (inner, last) => ({ ...make.timed(o, inner), outer: last ? o.inner : o.outer })),
    ),
  KCrossAttnUpBlock2D: kCross,
} as const satisfies Record<string, (o: Options) => UpSpec>

/** Those of a UNet without a text. */
const rows = {
  ...common,
  SkipUpBlock2D: (o) =>
    skip(
      o,
      each(o, (below, across) => make.scaled(o, below + across)),
    ),
  AttnSkipUpBlock2D: (o) =>
    skip(
      o,
      // The original divides the second term alone by four.
      each(o, (below, across) => make.scaled(o, below + across, Math.min(below + Math.floor(across / 4), 32))),
      [make.attendingScaled(o)],
    ),
} as const satisfies Record<string, (o: Options) => UpSpec>

/** The names of the blocks that need no text. */
export type UpBlockType = keyof typeof rows
/** Every name, as a list. */
export const upBlockTypes = Object.keys(rows) as readonly UpBlockType[]

/** A block by its name. `layers` is one more than on the way down. */
export const upSpec = (type: UpBlockType, options: Options): UpSpec => rows[type](options)

/** Those of a UNet with a text. */
const toldRows = {
  ...common,
  CrossAttnUpBlock2D: (o) => ({ ...usual(o, byConv), attentions: make.transforming(o, o.layers) }),
  SimpleCrossAttnUpBlock2D: (o) => {
    const block = adjusted(o)
    return { ...block, attentions: block.resnets.map(() => make.attendingAdded(o)) }
  },
} as const satisfies Record<string, (o: Told<Options>) => UpSpec>

/** The names of the blocks of a model that sees a text. */
export type ToldUpBlockType = keyof typeof toldRows
/** Every name, as a list. */
export const toldUpBlockTypes = Object.keys(toldRows) as readonly ToldUpBlockType[]

/** A block of a model that sees a text, by its name. */
export const toldUpSpec = (type: ToldUpBlockType, options: Told<Options>): UpSpec => toldRows[type](options)

/** The parameters of a block. */
export const upBlockOf = ({ channels, resnets, attentions, sampler }: UpSpec) => {
  const fir = sampler._tag === 'Fir' ? sampler.resnet : undefined
  const samplerOf = () => listOf([sampler._tag === 'Resnet' ? resnetOf(sampler.resnet) : convSamplerOf(channels)])
  return record({
    resnets: listOf(resnets.map(resnetOf)),
    attentions: when(attentions.length > 0, () => listOf(attentions.map(mixerOf))),
    upsamplers: when(sampler._tag === 'Conv' || sampler._tag === 'Resnet', samplerOf),
    resnet_up: when(fir !== undefined, () => resnetOf(fir!)),
    skip_conv: when(fir !== undefined, () => convOf(channels, 3, 3)),
    skip_norm: when(fir !== undefined, () => normOf(channels)),
  })
}

/** Parameters of a block, under the checkpoint's names. */
export type UpBlock = ParamsOf<typeof upBlockOf>

/** What flows up: the features, the picture so far (in NCSN++), and the states of the way down that are still to come. */
export type Ascent = {
  readonly x: Tensor
  readonly image: Tensor | undefined
  readonly states: readonly (Tensor | undefined)[]
}

/** States of the way down joined, residual blocks, attention, then twice the size: [N, before, H, W] → [N, outer, 2 H, 2 W]. */
export const upBlock =
  (p: UpBlock, b: UpSpec, temb: Tensor, context?: Context) =>
  ({ x, image, states }: Ascent): Ascent => {
    const left = states.length - b.resnets.length
    if (left < 0) throw new ProgramError('unet: the way down left fewer states than the way up takes')
    let h = x
    b.resnets.forEach((spec, i) => {
      const across = b.takes === 'each' || i === 0 ? states.at(-1 - i) : undefined
      const seen = across === undefined ? h : concat([h, across], 1) // [N, below + across, H, W]
      h = resnet(p.resnets[i]!, spec, temb)(seen)
      const at = i - (b.resnets.length - b.attentions.length)
      const attend = p.attentions?.[at]
      if (attend !== undefined) h = mixer(attend, b.attentions[at]!, temb, context)(h)
    })
    const larger = b.pictures && image !== undefined ? firUp(image) : image
    return { ...sample(p, b.sampler, temb, states[left - 1])(h, larger), states: states.slice(0, left) }
  }

/** `next` is the state that will be joined next: a convolution fits its size, which was odd if it is not twice this one. */
const sample =
  (p: UpBlock, s: Sampler, temb: Tensor, next: Tensor | undefined) =>
  (h: Tensor, image: Tensor | undefined): { readonly x: Tensor; readonly image: Tensor | undefined } => {
    switch (s._tag) {
      case 'None':
        return { x: h, image }
      case 'Conv':
        return { x: upsample(p.upsamplers![0] as ConvSampler, next && [next.shape[2]!, next.shape[3]!])(h), image }
      case 'Resnet':
        return { x: resnet(p.upsamplers![0] as Resnet, s.resnet, temb)(h), image }
      case 'Mirror':
        return { x: mirrorUp(h), image }
      case 'Fir': {
        const norm = groupNorm(p.skip_norm!, { groups: s.resnet.groups, eps: s.resnet.eps })
        const picture = pipe(h, norm, silu, conv2d(p.skip_conv!, { padding: 1 })) // [N, 3, H, W]
        return {
          x: resnet(p.resnet_up!, s.resnet, temb)(h),
          image: image === undefined ? picture : image.add(picture),
        }
      }
    }
  }
