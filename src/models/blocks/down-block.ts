/** The blocks on a UNet's way down, by their names in `down_block_types`. */
import { ProgramError } from '../../errors.ts'
import { convOf, listOf, record, when, type ParamsOf } from '../../params/codec.ts'
import { conv2d } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import * as make from './block-options.ts'
import type { BlockOptions, Told } from './block-options.ts'
import type { Context } from './context.ts'
import { firDown, mirrorDown } from './fir.ts'
import { mixer, mixerOf, type MixerSpec } from './mixer.ts'
import { resnet, resnetOf, type Resnet, type ResnetSpec } from './resnet.ts'
import { convSamplerOf, downsample, type ConvSampler } from './sampling.ts'

/** How a block ends: by a convolution, a residual block, the two branches of NCSN++, the mirrored filter, or at the same size. */
type Sampler =
  | { readonly _tag: 'Conv'; readonly padding: number }
  | { readonly _tag: 'Resnet'; readonly resnet: ResnetSpec }
  | { readonly _tag: 'Fir'; readonly resnet: ResnetSpec }
  | { readonly _tag: 'Mirror' }
  | { readonly _tag: 'None' }

/** Everything about one block that is not a parameter. `keeps`: what the way up gets to see. */
export type DownSpec = {
  readonly channels: number
  readonly resnets: readonly ResnetSpec[]
  readonly attentions: readonly MixerSpec[]
  readonly sampler: Sampler
  readonly keeps: 'all' | 'layers' | 'none'
  /** Where an adapter's features are added: to the last layer, to the end of the block, or nowhere. */
  readonly adapts: 'layer' | 'end' | 'never'
}

type Options = BlockOptions & { readonly padding: number }

const each = (o: Options, layer: (inner: number) => ResnetSpec): ResnetSpec[] =>
  Array.from({ length: o.layers }, (_, i) => layer(i === 0 ? o.inner : o.outer))

const usual = (o: Options, sampler: Sampler, attentions: readonly MixerSpec[] = []): DownSpec => ({
  channels: o.outer,
  resnets: each(o, (inner) => make.plain(o, inner)),
  attentions,
  sampler: o.sampled ? sampler : { _tag: 'None' },
  keeps: 'all',
  adapts: 'end',
})
const adjusted = (o: Options): DownSpec => ({
  ...usual(o, { _tag: 'Resnet', resnet: { ...make.adjusted(o, o.outer), resample: 'down' } }),
  resnets: each(o, (inner) => make.adjusted(o, inner)),
})
const byConv = (o: Options): Sampler => ({ _tag: 'Conv', padding: o.padding })
const byResnet = (o: Options): Sampler => ({ _tag: 'Resnet', resnet: { ...make.plain(o, o.outer), resample: 'down' } })

const skip = (o: Options, attentions: readonly MixerSpec[] = []): DownSpec => ({
  ...usual(o, { _tag: 'Fir', resnet: { ...make.scaled(o, o.outer), resample: 'firDown', shortcut: true } }, attentions),
  resnets: each(o, (inner) => make.scaled(o, inner)),
})
const mirrored = (o: Options, attentions: readonly MixerSpec[], keeps: DownSpec['keeps']): DownSpec => ({
  ...usual(o, { _tag: 'Mirror' }, attentions),
  resnets: each(o, (inner) => make.timed(o, inner)),
  keeps,
})
const times = (o: Options, spec: MixerSpec): MixerSpec[] => Array.from({ length: o.layers }, () => spec)

/** Those of every UNet. */
const common = {
  DownBlock2D: (o) => usual(o, byConv(o)),
  ResnetDownsampleBlock2D: adjusted,
  AttnDownBlock2D: (o) => usual(o, o.sampling === 'resnet' ? byResnet(o) : byConv(o), times(o, make.attending(o))),
  KDownBlock2D: (o) => mirrored(o, [], 'layers'),
  KCrossAttnDownBlock2D: (o) => {
    const spec = { channels: o.outer, headDim: o.headDim, temb: o.temb, self: !o.sampled, context: o.text?.context }
    return { ...mirrored(o, times(o, spec), o.sampled ? 'layers' : 'none'), adapts: 'never' }
  },
} as const satisfies Record<string, (o: Options) => DownSpec>

/** Those of a UNet without a text. */
const rows = {
  ...common,
  SkipDownBlock2D: (o) => skip(o),
  AttnSkipDownBlock2D: (o) => skip(o, times(o, make.attendingScaled(o))),
} as const satisfies Record<string, (o: Options) => DownSpec>

/** The names of the blocks that need no text. */
export type DownBlockType = keyof typeof rows
/** Every name, as a list. */
export const downBlockTypes = Object.keys(rows) as readonly DownBlockType[]

/** A block by its name. `padding` is that of the convolution that halves the size. */
export const downSpec = (type: DownBlockType, options: Options): DownSpec => rows[type](options)

/** Those of a UNet with a text. */
const toldRows = {
  ...common,
  CrossAttnDownBlock2D: (o) => ({ ...usual(o, byConv(o), make.transforming(o, o.layers)), adapts: 'layer' }),
  SimpleCrossAttnDownBlock2D: (o) => ({
    ...adjusted(o),
    attentions: times(o, make.attendingAdded(o)),
    adapts: 'never',
  }),
} as const satisfies Record<string, (o: Told<Options>) => DownSpec>

/** The names of the blocks of a model that sees a text. */
export type ToldDownBlockType = keyof typeof toldRows
/** Every name, as a list. */
export const toldDownBlockTypes = Object.keys(toldRows) as readonly ToldDownBlockType[]

/** A block of a model that sees a text, by its name. */
export const toldDownSpec = (type: ToldDownBlockType, options: Told<Options>): DownSpec => toldRows[type](options)

/** The parameters of a block. */
export const downBlockOf = ({ channels, resnets, attentions, sampler }: DownSpec) => {
  const fir = sampler._tag === 'Fir' ? sampler.resnet : undefined
  const samplerOf = () => listOf([sampler._tag === 'Resnet' ? resnetOf(sampler.resnet) : convSamplerOf(channels)])
  return record({
    resnets: listOf(resnets.map(resnetOf)),
    attentions: when(attentions.length > 0, () => listOf(attentions.map(mixerOf))),
    downsamplers: when(sampler._tag === 'Conv' || sampler._tag === 'Resnet', samplerOf),
    resnet_down: when(fir !== undefined, () => resnetOf(fir!)),
    skip_conv: when(fir !== undefined, () => convOf(3, channels, 1)),
  })
}

/** Parameters of a block, under the checkpoint's names. */
export type DownBlock = ParamsOf<typeof downBlockOf>

/** What flows down: the features, the picture itself at their size (for NCSN++), and what the way up gets to see. */
export type Descent = {
  readonly x: Tensor
  readonly image: Tensor
  readonly states: readonly (Tensor | undefined)[]
}

/** What a block may be given besides the time: what its attentions see, and the features of an adapter (Mou et al. 2023). */
export type DownExtras = { readonly context?: Context | undefined; readonly adapter?: Tensor | undefined }

/** Residual blocks, attention after each, then half the size: [N, inner, H, W] → [N, outer, H / 2, W / 2]. */
export const downBlock =
  (p: DownBlock, b: DownSpec, temb: Tensor, { context, adapter }: DownExtras = {}) =>
  ({ x, image, states }: Descent): Descent => {
    if (adapter !== undefined && b.adapts === 'never')
      throw new ProgramError('unet: this model has blocks that take no adapter')
    const layers: Tensor[] = []
    let h = x
    b.resnets.forEach((spec, i) => {
      h = resnet(p.resnets[i]!, spec, temb)(h)
      const attend = p.attentions?.[i]
      if (attend !== undefined) h = mixer(attend, b.attentions[i]!, temb, context)(h)
      if (adapter !== undefined && b.adapts === 'layer' && i === b.resnets.length - 1) h = h.add(adapter)
      layers.push(h) // [N, outer, H, W]
    })
    const [half, smaller] = sample(p, b.sampler, temb)(h, image)
    const kept = b.keeps === 'none' ? layers.map(() => undefined) : layers
    const all = [...states, ...(b.keeps === 'all' && b.sampler._tag !== 'None' ? [...kept, half] : kept)]
    if (adapter === undefined || b.adapts !== 'end') return { x: half, image: smaller, states: all }
    const adapted = half.add(adapter)
    return { x: adapted, image: smaller, states: all.map((s) => (s === half ? adapted : s)) }
  }

const sample =
  (p: DownBlock, s: Sampler, temb: Tensor) =>
  (h: Tensor, image: Tensor): readonly [h: Tensor, image: Tensor] => {
    switch (s._tag) {
      case 'None':
        return [h, image]
      case 'Conv':
        return [downsample(p.downsamplers![0] as ConvSampler, s)(h), image]
      case 'Resnet':
        return [resnet(p.downsamplers![0] as Resnet, s.resnet, temb)(h), image]
      case 'Mirror':
        return [mirrorDown(h), image]
      case 'Fir': {
        const smaller = firDown(image) // [N, 3, H / 2, W / 2]
        return [conv2d(p.skip_conv!)(smaller).add(resnet(p.resnet_down!, s.resnet, temb)(h)), smaller]
      }
    }
  }
