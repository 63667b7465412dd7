/** diffusers' VQModel: the autoencoder of latent diffusion whose latents are vectors of a codebook. */
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { consistent, defaulted, integer, nullable, oneOf } from '../core/config.ts'
import type { Architecture, Model } from '../params/architecture.ts'
import { convOf, record, tensorOf, type ParamsOf } from '../params/codec.ts'
import { argmax, conv2d, embedding } from '../tensor/nn.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { activationName } from './blocks/activation.ts'
import { renameAttention } from './blocks/attention.ts'
import { coderContradictions, coderOptions } from './blocks/coder-config.ts'
import { decoder, decoderBlockTypes, decoderOf } from './blocks/decoder.ts'
import { encoder, encoderBlockTypes, encoderOf } from './blocks/encoder.ts'
import { sliced } from './blocks/tiling.ts'

const fields = t.type({
  in_channels: defaulted(integer(1), 3),
  out_channels: defaulted(integer(1), 3),
  down_block_types: defaulted(t.readonlyArray(oneOf(...encoderBlockTypes)), ['DownEncoderBlock2D']),
  up_block_types: defaulted(t.readonlyArray(oneOf(...decoderBlockTypes)), ['UpDecoderBlock2D']),
  block_out_channels: defaulted(t.readonlyArray(integer(1)), [64]),
  layers_per_block: defaulted(integer(1), 1),
  act_fn: defaulted(activationName, 'silu'),
  latent_channels: defaulted(integer(1), 3),
  sample_size: defaulted(integer(1), 32),
  num_vq_embeddings: defaulted(integer(1), 256),
  norm_num_groups: defaulted(integer(1), 32),
  vq_embed_dim: defaulted(nullable(integer(1)), null),
  scaling_factor: defaulted(t.number, 0.18215),
  norm_type: defaulted(oneOf('group'), 'group'),
  mid_block_add_attention: defaulted(t.boolean, true),
  lookup_from_codebook: defaulted(t.boolean, false),
  force_upcast: defaulted(t.boolean, false),
})

/** The config of a VQModel, under the original's names and with its defaults. */
export type VQModelConfig = Readonly<t.TypeOf<typeof fields>>

const params = (c: VQModelConfig) => {
  const { down, up } = coderOptions(c)
  const entry = c.vq_embed_dim ?? c.latent_channels
  return record({
    encoder: encoderOf(down, c.latent_channels),
    quant_conv: convOf(c.latent_channels, entry, 1),
    quantize: record({ embedding: record({ weight: tensorOf(c.num_vq_embeddings, entry) }) }),
    post_quant_conv: convOf(entry, c.latent_channels, 1),
    decoder: decoderOf(up),
  })
}

/** The parameters of a VQModel, under the checkpoint's names. */
export type VQModelParams = ParamsOf<typeof params>

/** What a loader needs to know of VQModel: its config, the parameters that a config calls for, and their old names. */
export const VQModel: Architecture<VQModelConfig, VQModelParams> = {
  className: 'VQModel',
  config: consistent(fields, coderContradictions),
  params,
  rename: renameAttention,
}

/** Latents as vectors of the codebook. */
export type Quantized = {
  /** The nearest vector of every latent: [N, E, h, w]. */
  readonly quantized: Tensor
  /** Its place in the codebook, [N, h, w] (i32). */
  readonly indices: Tensor
  /** (1 + ¼) · mean ‖z − quantized‖² over all elements: []. Van den Oord et al. 2017, eq. 3 without the reconstruction. */
  readonly commitLoss: Tensor
}

/** Pictures in [−1, 1] to latents, to vectors of the codebook, and back. */
export type VQModelFunctions = {
  /** Pictures [N, in, H, W] → latents [N, E, H / f, W / f], f = 2^(levels − 1), before the codebook. */
  readonly encode: (x: Tensor) => Tensor
  /** Latents [N, E, h, w] → the nearest vectors of the codebook. */
  readonly quantize: (z: Tensor) => Quantized
  /** Indices [N, h, w] (i32) → vectors of the codebook [N, E, h, w]. */
  readonly lookUp: (indices: Tensor) => Tensor
  /** Latents [N, E, h, w] → pictures [N, out, f h, f w], through the codebook unless `quantized` says that they have been. */
  readonly decode: (z: Tensor, options?: { readonly quantized?: boolean }) => Tensor
}

/** A VQModel as functions; `slicing` takes one sample of a batch at a time. Van den Oord et al. 2017; Esser et al. 2021. */
export const vqModel = (
  { config: c, params: p }: Model<VQModelConfig, VQModelParams>,
  { slicing = false }: { readonly slicing?: boolean } = {},
): VQModelFunctions => {
  const { down, up } = coderOptions(c)
  const each = (f: (x: Tensor) => Tensor): ((x: Tensor) => Tensor) => (slicing ? sliced(f) : f)
  const codebook = p.quantize.embedding
  const lookUp = (indices: Tensor): Tensor => embedding(codebook)(indices).permute(0, 3, 1, 2)
  const quantize = (z: Tensor): Quantized => {
    const [count, entry, height, width] = z.shape as [number, number, number, number]
    const rows = z.permute(0, 2, 3, 1).reshape(-1, entry) // [N h w, E]
    // ‖z − e‖² is least where z · e − ½ ‖e‖² is largest.
    const halfSquares = codebook.weight.square().sum(1).mul(0.5).transpose() // [1, K]
    const indices = argmax(rows.dot(codebook.weight.transpose()).sub(halfSquares)).reshape(count, height, width)
    const quantized = lookUp(indices)
    return { quantized, indices, commitLoss: quantized.sub(z).square().mean().mul(1.25).reshape() }
  }
  const picture = each((z) => pipe(z, conv2d(p.post_quant_conv), decoder(p.decoder, up)))
  return {
    encode: each((x) => pipe(x, encoder(p.encoder, down), conv2d(p.quant_conv))),
    quantize,
    lookUp,
    decode: (z, { quantized = false } = {}) => picture(quantized ? z : quantize(z).quantized),
  }
}
