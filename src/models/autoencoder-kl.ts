/** diffusers' AutoencoderKL: the variational autoencoder of latent diffusion. */
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { consistent, defaulted, integer, nullable, oneOf } from '../core/config.ts'
import type { Architecture, Model } from '../params/architecture.ts'
import { convOf, record, when, type ParamsOf } from '../params/codec.ts'
import { conv2d } from '../tensor/nn.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { activationName } from './blocks/activation.ts'
import { renameAttention } from './blocks/attention.ts'
import { coderContradictions, coderOptions } from './blocks/coder-config.ts'
import { decoder, decoderBlockTypes, decoderOf } from './blocks/decoder.ts'
import { encoder, encoderBlockTypes, encoderOf } from './blocks/encoder.ts'
import { diagonalGaussian, type DiagonalGaussian } from './blocks/gaussian.ts'
import { sliced, tiled, type Tiling } from './blocks/tiling.ts'

const fields = t.type({
  in_channels: defaulted(integer(1), 3),
  out_channels: defaulted(integer(1), 3),
  down_block_types: defaulted(t.readonlyArray(oneOf(...encoderBlockTypes)), ['DownEncoderBlock2D']),
  up_block_types: defaulted(t.readonlyArray(oneOf(...decoderBlockTypes)), ['UpDecoderBlock2D']),
  block_out_channels: defaulted(t.readonlyArray(integer(1)), [64]),
  layers_per_block: defaulted(integer(1), 1),
  act_fn: defaulted(activationName, 'silu'),
  latent_channels: defaulted(integer(1), 4),
  norm_num_groups: defaulted(integer(1), 32),
  sample_size: defaulted(integer(1), 32),
  scaling_factor: defaulted(t.number, 0.18215),
  shift_factor: defaulted(nullable(t.number), null),
  latents_mean: defaulted(nullable(t.readonlyArray(t.number)), null),
  latents_std: defaulted(nullable(t.readonlyArray(t.number)), null),
  force_upcast: defaulted(t.boolean, true),
  use_quant_conv: defaulted(t.boolean, true),
  use_post_quant_conv: defaulted(t.boolean, true),
  mid_block_add_attention: defaulted(t.boolean, true),
})

/** The config of an AutoencoderKL, under the original's names and with its defaults. */
export type AutoencoderKLConfig = Readonly<t.TypeOf<typeof fields>>

const params = (c: AutoencoderKLConfig) => {
  const { down, up } = coderOptions(c)
  return record({
    encoder: encoderOf(down, 2 * c.latent_channels),
    decoder: decoderOf(up),
    quant_conv: when(c.use_quant_conv, () => convOf(2 * c.latent_channels, 2 * c.latent_channels, 1)),
    post_quant_conv: when(c.use_post_quant_conv, () => convOf(c.latent_channels, c.latent_channels, 1)),
  })
}

/** The parameters of an AutoencoderKL, under the checkpoint's names. */
export type AutoencoderKLParams = ParamsOf<typeof params>

/** What a loader needs to know of AutoencoderKL: its config, the parameters that a config calls for, and their old names. */
export const AutoencoderKL: Architecture<AutoencoderKLConfig, AutoencoderKLParams> = {
  className: 'AutoencoderKL',
  config: consistent(fields, coderContradictions),
  params,
  rename: renameAttention,
}

/** How an autoencoder saves memory. */
export type AutoencoderOptions = {
  /** One sample of a batch at a time. */
  readonly slicing?: boolean
  /**
   * Pictures larger than a tile in tiles that overlap. `true` stands for tiles of the config's `sample_size` that overlap by a quarter, as
   * diffusers' `enable_tiling`; the result is close to that of the whole picture, not equal.
   */
  readonly tiling?: boolean | TileOptions
}

/** The side of a tile in pixels and in latents, and the share that overlaps. */
export type TileOptions = { readonly sample?: number; readonly latent?: number; readonly overlap?: number }

/** Pictures in [−1, 1] to latents and back. */
export type AutoencoderKLFunctions = {
  /** Pictures [N, in, H, W] → the distribution of their latents [N, latent, H / f, W / f], f = 2^(levels − 1). */
  readonly encode: (x: Tensor) => DiagonalGaussian
  /** Latents [N, latent, h, w], as `encode` gives them (not scaled), → pictures [N, out, f h, f w]. */
  readonly decode: (z: Tensor) => Tensor
}

/**
 * An AutoencoderKL as two functions. Kingma & Welling 2014; Rombach et al. 2022, section 3.1 and appendix G. Latents of the two are not
 * scaled: what diffusion sees is (z − shift_factor) · scaling_factor.
 */
export const autoencoderKL = (
  { config: c, params: p }: Model<AutoencoderKLConfig, AutoencoderKLParams>,
  { slicing = false, tiling = false }: AutoencoderOptions = {},
): AutoencoderKLFunctions => {
  const { down, up } = coderOptions(c)
  const same = (x: Tensor): Tensor => x
  const quant = p.quant_conv === undefined ? same : conv2d(p.quant_conv)
  const postQuant = p.post_quant_conv === undefined ? same : conv2d(p.post_quant_conv)
  const [encode, decode] = [encoder(p.encoder, down), decoder(p.decoder, up)]
  const moments = (x: Tensor): Tensor => pipe(x, encode, quant) // [N, 2 latent, H / f, W / f]
  const picture = (z: Tensor): Tensor => pipe(z, postQuant, decode)
  const saving = (f: (x: Tensor) => Tensor, tile: (t: Tile) => Tiling): ((x: Tensor) => Tensor) => {
    const parts = tiling === false ? f : tiled(tile(tileOf(c, tiling === true ? {} : tiling)), f)
    return slicing ? sliced(parts) : parts
  }
  const [encodeAll, decodeAll] = [
    saving(moments, ({ sample, latent, overlap }) => ({ from: sample, to: latent, overlap })),
    saving(picture, ({ sample, latent, overlap }) => ({ from: latent, to: sample, overlap })),
  ]
  return { encode: (x) => diagonalGaussian(encodeAll(x)), decode: decodeAll }
}

type Tile = Required<TileOptions>

const tileOf = (c: AutoencoderKLConfig, { sample = c.sample_size, latent, overlap = 0.25 }: TileOptions): Tile => ({
  sample,
  latent: latent ?? Math.trunc(sample / 2 ** (c.block_out_channels.length - 1)),
  overlap,
})
