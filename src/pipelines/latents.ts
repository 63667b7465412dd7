/** Latents: their sizes, and pictures to and from them. */
import { compile, type CompileOptions } from '../backend/compile.ts'
import { ConfigError } from '../errors.ts'
import { autoencoderKL, type AutoencoderOptions } from '../models/autoencoder-kl.ts'
import { tensor, type Tensor } from '../tensor/tensor.ts'
import { pixelsPerLatent, type LatentDiffusion } from './stable-diffusion.ts'

/** The size of a picture in pixels. */
export type Size = { readonly width: number; readonly height: number }

/** The size that a model was trained on: its UNet's `sample_size`, in pixels. */
export const nativeSize = (sd: LatentDiffusion): Size => {
  const { sample_size: size } = sd.unet.config
  const [height, width] = typeof size === 'number' ? [size, size] : (size ?? [64, 64])
  return { width: width! * pixelsPerLatent(sd), height: height! * pixelsPerLatent(sd) }
}

/** The shape of the latents of N pictures, [N, C, h, w]. A size that latents do not divide is a `ConfigError`. */
export const latentShape = (sd: LatentDiffusion, { width, height }: Size, count = 1): readonly number[] => {
  const unit = pixelsPerLatent(sd)
  for (const [field, value] of Object.entries({ width, height }))
    if (!Number.isInteger(value) || value < unit || value % unit !== 0)
      throw new ConfigError(field, value, [`a multiple of ${unit}`], 'is no size of a picture')
  return [count, sd.vae.config.latent_channels, height / unit, width / unit]
}

/** The autoencoder of a model, compiled, between pictures in [−1, 1] and latents as the UNet sees them: (z − shift) · scale. */
export type LatentCodec = {
  /** Pictures [N, 3, H, W] and noise [N, C, h, w] → a draw from the distribution of their latents. */
  readonly encode: (pictures: Tensor, noise: Tensor) => Tensor
  /** Latents [N, C, h, w] → pictures [N, 3, H, W]. */
  readonly decode: (latents: Tensor) => Tensor
}

/** The codec of a model. */
export const latentCodec = (
  { vae }: LatentDiffusion,
  options: CompileOptions & AutoencoderOptions = {},
): LatentCodec => {
  const { encode, decode } = autoencoderKL(vae, options)
  const { scaling_factor: scale, shift_factor: shift, latents_mean: means, latents_std: deviations } = vae.config
  const perChannel = (values: readonly number[]): Tensor => tensor(values, [1, values.length, 1, 1])
  const centre = means !== null && deviations !== null ? perChannel(means) : (shift ?? 0)
  const unit = means !== null && deviations !== null ? perChannel(deviations).div(scale) : 1 / scale
  return {
    encode: compile((x: Tensor, noise: Tensor) => encode(x).sample(noise).sub(centre).div(unit), options),
    decode: compile((z: Tensor) => decode(z.mul(unit).add(centre)), options),
  }
}
