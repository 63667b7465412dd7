/** diffusers' AutoencoderTiny: TAESD, a small distilled autoencoder, for previews. */
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { consistent, defaulted, integer, oneOf, type Contradiction } from '../core/config.ts'
import type { Architecture, Model } from '../params/architecture.ts'
import { convOf, listOf, record, when, type ParamsOf } from '../params/codec.ts'
import { clamp, conv2d, relu, resizeNearest, type Conv2d } from '../tensor/nn.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { activation, activationName } from './blocks/activation.ts'
import { sliced } from './blocks/tiling.ts'

const counts = t.readonlyArray(integer(0))
const channels = t.readonlyArray(integer(1))

const fields = t.type({
  in_channels: defaulted(integer(1), 3),
  out_channels: defaulted(integer(1), 3),
  encoder_block_out_channels: defaulted(channels, [64, 64, 64, 64]),
  decoder_block_out_channels: defaulted(channels, [64, 64, 64, 64]),
  act_fn: defaulted(activationName, 'relu'),
  upsample_fn: defaulted(oneOf('nearest'), 'nearest'),
  latent_channels: defaulted(integer(1), 4),
  upsampling_scaling_factor: defaulted(integer(1), 2),
  num_encoder_blocks: defaulted(counts, [1, 3, 3, 3]),
  num_decoder_blocks: defaulted(counts, [3, 3, 3, 1]),
  latent_magnitude: defaulted(t.number, 3),
  latent_shift: defaulted(t.number, 0.5),
  force_upcast: defaulted(t.boolean, false),
  scaling_factor: defaulted(t.number, 1),
  shift_factor: defaulted(t.number, 0),
})

/** The config of an AutoencoderTiny, under the original's names and with its defaults. */
export type AutoencoderTinyConfig = Readonly<t.TypeOf<typeof fields>>

/** One of the layers that follow each other; those without parameters count, since a layer's name is its position. */
type Layer =
  | {
      readonly _tag: 'Conv'
      readonly inner: number
      readonly outer: number
      readonly stride: 1 | 2
      readonly bias: boolean
    }
  | { readonly _tag: 'Block'; readonly channels: number }
  | { readonly _tag: 'Activation' }
  | { readonly _tag: 'Upsample' }

const conv = (
  inner: number,
  outer: number,
  { stride = 1, bias = true }: { stride?: 1 | 2; bias?: boolean } = {},
): Layer => ({
  _tag: 'Conv',
  inner,
  outer,
  stride,
  bias,
})
const blocks = (count: number, wide: number): readonly Layer[] =>
  Array.from({ length: count }, () => ({ _tag: 'Block', channels: wide }))

const encoderPlan = (c: AutoencoderTinyConfig): readonly Layer[] => [
  ...c.encoder_block_out_channels.flatMap((wide, i) => [
    i === 0 ? conv(c.in_channels, wide) : conv(wide, wide, { stride: 2, bias: false }),
    ...blocks(c.num_encoder_blocks[i]!, wide),
  ]),
  conv(c.encoder_block_out_channels.at(-1)!, c.latent_channels),
]

const decoderPlan = (c: AutoencoderTinyConfig): readonly Layer[] => [
  conv(c.latent_channels, c.decoder_block_out_channels[0]!),
  { _tag: 'Activation' },
  ...c.decoder_block_out_channels.flatMap((wide, i, all): readonly Layer[] => {
    const inside = blocks(c.num_decoder_blocks[i]!, wide)
    return i < all.length - 1
      ? [...inside, { _tag: 'Upsample' }, conv(wide, wide, { bias: false })]
      : [...inside, conv(wide, c.out_channels)]
  }),
]

const blockOf = (wide: number) =>
  record({ conv: record({ 0: convOf(wide, wide, 3), 2: convOf(wide, wide, 3), 4: convOf(wide, wide, 3) }) })

const layerOf = (l: Layer) => {
  switch (l._tag) {
    case 'Conv':
      return convOf(l.inner, l.outer, 3, { bias: l.bias })
    case 'Block':
      return blockOf(l.channels)
    case 'Activation':
    case 'Upsample':
      return when(false, () => convOf(1, 1, 3))
  }
}
const layersOf = (plan: readonly Layer[]) => record({ layers: listOf(plan.map(layerOf)) })

const params = (c: AutoencoderTinyConfig) =>
  record({ encoder: layersOf(encoderPlan(c)), decoder: layersOf(decoderPlan(c)) })

/** The parameters of an AutoencoderTiny, under the checkpoint's names. */
export type AutoencoderTinyParams = ParamsOf<typeof params>

const contradictions = (c: AutoencoderTinyConfig): readonly Contradiction[] =>
  (['encoder', 'decoder'] as const).flatMap((side): readonly Contradiction[] => {
    const [field, count] = [`${side}_block_out_channels`, `num_${side}_blocks`] as const
    const wide = c[`${side}_block_out_channels`]
    const levels = c[`num_${side}_blocks`].length
    if (wide.length !== levels || levels === 0)
      return [{ field: count, why: `names ${levels} levels for ${wide.length} ${field}` }]
    return wide.every((d) => d === wide[0]) ? [] : [{ field, why: 'differ, but no layer changes the channels' }]
  })

/** What a loader needs to know of AutoencoderTiny. */
export const AutoencoderTiny: Architecture<AutoencoderTinyConfig, AutoencoderTinyParams> = {
  className: 'AutoencoderTiny',
  config: consistent(fields, contradictions),
  params,
  rename: (name) => name,
}

type Layers = AutoencoderTinyParams['encoder']['layers']

const run = (p: Layers, plan: readonly Layer[], c: AutoencoderTinyConfig) => {
  const act = activation(c.act_fn)
  const wide = (w: Conv2d): ((x: Tensor) => Tensor) => conv2d(w, { padding: 1 })
  const apply = (l: Layer, w: Layers[number], x: Tensor): Tensor => {
    switch (l._tag) {
      case 'Conv':
        return conv2d(w as Conv2d, { padding: 1, stride: l.stride })(x)
      case 'Block': {
        const { conv: inside } = w as ParamsOf<typeof blockOf>
        return relu(pipe(x, wide(inside[0]), act, wide(inside[2]), act, wide(inside[4])).add(x))
      }
      case 'Activation':
        return act(x)
      case 'Upsample': {
        const [height, width] = x.shape.slice(2) as [number, number]
        return resizeNearest(height * c.upsampling_scaling_factor, width * c.upsampling_scaling_factor)(x)
      }
    }
  }
  return (x: Tensor): Tensor => plan.reduce((h, l, i) => apply(l, p[i]!, h), x)
}

/** Pictures in [−1, 1] to latents and back. */
export type AutoencoderTinyFunctions = {
  /** Pictures [N, in, H, W] → latents [N, latent, H / f, W / f], f = 2^(levels − 1), themselves and no distribution. */
  readonly encode: (x: Tensor) => Tensor
  /** Latents [N, latent, h, w] → pictures [N, out, f h, f w]. */
  readonly decode: (z: Tensor) => Tensor
  /** Latents as shares of their range, in [0, 1], as a byte can keep them. */
  readonly scaleLatents: (z: Tensor) => Tensor
  /** The inverse of `scaleLatents`. */
  readonly unscaleLatents: (z: Tensor) => Tensor
}

/** An AutoencoderTiny as functions; `slicing` takes one sample of a batch at a time. Ollin Boer Bohan's TAESD, 2023. */
export const autoencoderTiny = (
  { config: c, params: p }: Model<AutoencoderTinyConfig, AutoencoderTinyParams>,
  { slicing = false }: { readonly slicing?: boolean } = {},
): AutoencoderTinyFunctions => {
  const [down, up] = [run(p.encoder.layers, encoderPlan(c), c), run(p.decoder.layers, decoderPlan(c), c)]
  const each = (f: (x: Tensor) => Tensor): ((x: Tensor) => Tensor) => (slicing ? sliced(f) : f)
  return {
    encode: each((x) => down(x.add(1).div(2))),
    decode: each((z) => up(z.div(3).tanh().mul(3)).mul(2).sub(1)),
    scaleLatents: (z) => pipe(z.div(2 * c.latent_magnitude).add(c.latent_shift), clamp(0, 1)),
    unscaleLatents: (z) => z.sub(c.latent_shift).mul(2 * c.latent_magnitude),
  }
}
