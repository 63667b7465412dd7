/** Cheap previews: latents as small pictures, without the decoder. */
import { read, type CompileOptions } from '../backend/compile.ts'
import { ConfigError } from '../errors.ts'
import { seed } from '../random/generator.ts'
import { avgPool2d, conv2d, resizeNearest } from '../tensor/nn.ts'
import { randn } from '../tensor/noise.ts'
import { concat, tensor, type Tensor } from '../tensor/tensor.ts'
import { latentCodec } from './latents.ts'
import { pixelsPerLatent, type LatentDiffusion } from './stable-diffusion.ts'

/** What each latent channel adds to a pixel's color, in [−1, 1]: a row [r, g, b] for every channel, and what none of them adds. */
export type PreviewFactors = {
  readonly channels: readonly (readonly [number, number, number])[]
  readonly bias: readonly [number, number, number]
}

/** Stable Diffusion 1 and 2. Keturn 2022, "Decoding latents to RGB without upscaling", discuss.huggingface.co. */
export const sdPreview: PreviewFactors = {
  channels: [
    [0.298, 0.207, 0.208],
    [0.187, 0.286, 0.173],
    [-0.158, 0.189, 0.264],
    [-0.184, -0.271, -0.473],
  ],
  bias: [0, 0, 0],
}

/** Stable Diffusion XL. StAlKeR7779 2023, in InvokeAI. */
export const sdxlPreview: PreviewFactors = {
  channels: [
    [0.3816, 0.493, 0.532],
    [-0.3753, 0.1631, 0.1739],
    [0.177, 0.3588, -0.2048],
    [-0.435, -0.2644, -0.4289],
  ],
  bias: [0, 0, 0],
}

/**
 * `latentPreview(sdPreview)(latents)`: latents [N, C, h, w] as pictures [N, 3, h·k, w·k] in about [−1, 1], each latent a square of k pixels
 * (`scale`, 1 unless given) whose color is its channels times the factors. Latents of other channels are a `ConfigError`.
 */
export const latentPreview = (
  { channels, bias }: PreviewFactors,
  { scale = 1 }: { readonly scale?: number } = {},
): ((latents: Tensor) => Tensor) => {
  const rows = [0, 1, 2].flatMap((color) => channels.map((row) => row[color]!))
  const mix = conv2d({ weight: tensor(rows, [3, channels.length, 1, 1]), bias: tensor(bias, [3]) })
  return (latents) => {
    const [, c, h, w] = latents.shape as [number, number, number, number]
    if (c !== channels.length) throw new ConfigError('latents', c, [`${channels.length} channels`], 'is their number')
    return resizeNearest(h * scale, w * scale)(mix(latents))
  }
}

const side = 16 // of the latents that factors are fitted to
const grains = [16, 8, 4, 2, 1] // how many squares of one color such latents have along a side

/** Random latents [5, C, 16, 16], from white noise to a single color: decoders answer to what is smooth as well as to what is not. */
const trials = (channels: number): Tensor =>
  concat(
    grains.map((grain, i) => resizeNearest(side, side)(randn(seed(i), [1, channels, grain, grain]))),
    0,
  )

/** X of A X = B, for a symmetric positive A, by elimination. Rows of numbers; A and B are not kept. */
const solved = (a: number[][], b: number[][]): readonly (readonly number[])[] => {
  const n = a.length
  for (let k = 0; k < n; k++)
    for (let i = 0; i < n; i++) {
      if (i === k) continue
      const share = a[i]![k]! / a[k]![k]!
      for (let j = k; j < n; j++) a[i]![j]! -= share * a[k]![j]!
      b[i]!.forEach((_, j) => (b[i]![j]! -= share * b[k]![j]!))
    }
  return b.map((row, i) => row.map((v) => v / a[i]![i]!))
}

/**
 * The factors of any checkpoint: the least squares fit of z ↦ W z + b to its own decoder, on a few random latents, always the same. Each
 * latent is compared with the mean of the pixels that it stands for.
 */
export const fitPreview = async (sd: LatentDiffusion, options: CompileOptions = {}): Promise<PreviewFactors> => {
  const { latent_channels: count } = sd.vae.config
  const latents = trials(count)
  const pictures = avgPool2d(pixelsPerLatent(sd))(latentCodec(sd, options).decode(latents))
  const [z, rgb] = [await read(latents), await read(pictures)]
  const plane = side * side
  const places = grains.flatMap((_, n) => Array.from({ length: plane }, (_, i) => [n, i] as const))
  const at = (values: Float32Array, channels: number, [n, i]: readonly [number, number]): readonly number[] =>
    Array.from({ length: channels }, (_, c) => values[(n * channels + c) * plane + i]!)
  const sums = (columns: number): number[][] => Array.from({ length: count + 1 }, () => Array<number>(columns).fill(0))
  const [squares, products] = [sums(count + 1), sums(3)]
  for (const place of places) {
    const [x, y] = [[...at(z, count, place), 1], at(rgb, 3, place)]
    x.forEach((u, i) => {
      x.forEach((v, j) => (squares[i]![j]! += u * v))
      y.forEach((v, j) => (products[i]![j]! += u * v))
    })
  }
  const rows = solved(squares, products).map(([r, g, b]) => [r!, g!, b!] as const)
  return { channels: rows.slice(0, count), bias: rows[count]! }
}

// A checkpoint does not say what it descends from; the scale of its latents does.
const published: Readonly<Record<number, PreviewFactors>> = { 0.18215: sdPreview, 0.13025: sdxlPreview }

/** The factors of a checkpoint: published ones where its latents are those of Stable Diffusion 1, 2 or XL, else fitted. */
export const previewFactors = async (sd: LatentDiffusion, options: CompileOptions = {}): Promise<PreviewFactors> => {
  const { scaling_factor: scale, latent_channels: count } = sd.vae.config
  const known = published[scale]
  return known !== undefined && known.channels.length === count ? known : fitPreview(sd, options)
}
