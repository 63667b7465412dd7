/** Pictures as tensors, for image-to-image and inpainting, as diffusers' `VaeImageProcessor.preprocess` makes them. */
import { ConfigError, ShapeError } from '../errors.ts'
import { resizeNearest } from '../tensor/nn.ts'
import { fromStorage, type Tensor } from '../tensor/tensor.ts'
import type { Image } from './image.ts'
import { resize, type Filter } from './resample.ts'

/** How a picture of another shape meets a size: stretched (`default`), covering it (`crop`), or within it with its edges smeared (`fill`). */
export type ResizeMode = 'default' | 'crop' | 'fill'

/** A size to bring pixels to, the picture's own unless given; either way rounded down to a multiple of `multipleOf`, 8 unless given. */
export type SizeOptions = { readonly width?: number; readonly height?: number; readonly multipleOf?: number }

/** The size, the filter (lanczos unless given) and how another shape meets it (`default` unless given). */
export type MaskOptions = SizeOptions & { readonly filter?: Filter; readonly mode?: ResizeMode }

/** `normalize`: to [−1, 1], as a VAE takes pictures, or else [0, 1], as a ControlNet does. `grayscale`: one channel in place of three. */
export type PictureOptions = MaskOptions & { readonly normalize?: boolean; readonly grayscale?: boolean }

const sizeOf = (
  height: number,
  width: number,
  { multipleOf = 8, ...asked }: SizeOptions,
): readonly [number, number] => {
  if (!(Number.isInteger(multipleOf) && multipleOf > 0))
    throw new ConfigError('multipleOf', multipleOf, [], 'is no whole number of 1 or more')
  const down = (d: number): number => d - (d % multipleOf)
  const size = [down(asked.height ?? height), down(asked.width ?? width)] as const
  if (!size.every((d) => Number.isInteger(d) && d > 0))
    throw new ShapeError('preprocess', [size], `is no size of a picture, rounded down to a multiple of ${multipleOf}`)
  return size
}

/** The picture on a canvas, its top left corner at (left, top); what lies outside is cut off. Writes into the canvas. */
const paste = (canvas: Image, image: Image, left: number, top: number): void => {
  const [from, to] = [Math.max(0, -left), Math.min(image.width, canvas.width - left)]
  for (let y = Math.max(0, -top); y < Math.min(image.height, canvas.height - top); y++)
    canvas.rgba.set(
      image.rgba.subarray(4 * (y * image.width + from), 4 * (y * image.width + to)),
      4 * ((y + top) * canvas.width + left + from),
    )
}

/** The picture at its own shape, covering the size or within it, in the middle of a canvas of that size. */
const centered = (image: Image, width: number, height: number, filter: Filter, covers: boolean): Image => {
  const [wanted, own] = [width / height, image.width / image.height]
  // Multiplied before they are divided, in whole numbers.
  const byHeight = Math.floor((image.width * height) / image.height)
  const byWidth = Math.floor((image.height * width) / image.width)
  const w = (covers ? wanted > own : wanted < own) ? width : byHeight
  const h = (covers ? wanted <= own : wanted >= own) ? height : byWidth
  const scaled = resize(image, { width: w, height: h, filter })
  const canvas = { width, height, rgba: new Uint8ClampedArray(4 * width * height) }
  const [left, top] = [Math.floor(width / 2) - Math.floor(w / 2), Math.floor(height / 2) - Math.floor(h / 2)]
  paste(canvas, scaled, left, top)
  if (covers) return canvas
  // A stretch of no height is the edge alone, which bicubic smears over all that is left.
  if (wanted < own && top > 0) {
    const edge = (y: number): Image => resize(scaled, { width, height: top, box: [0, y, width, y] })
    paste(canvas, edge(0), 0, 0)
    paste(canvas, edge(h), 0, top + h)
  } else if (wanted > own && left > 0) {
    const edge = (x: number): Image => resize(scaled, { width: left, height, box: [x, 0, x, height] })
    paste(canvas, edge(0), 0, 0)
    paste(canvas, edge(w), left + w, 0)
  }
  return canvas
}

/** The picture without its opacity, at the size asked for. */
const fitted = (image: Image, { filter = 'lanczos', mode = 'default', ...size }: MaskOptions): Image => {
  const [height, width] = sizeOf(image.height, image.width, size)
  const rgb = { ...image, rgba: image.rgba.map((v, i) => (i % 4 === 3 ? 255 : v)) }
  if (mode === 'default') return resize(rgb, { width, height, filter })
  return centered(rgb, width, height, filter, mode === 'crop')
}

/** Luma of ITU-R BT.601 in 16 bits: (19595 r + 38470 g + 7471 b + 2¹⁵) / 2¹⁶, as Pillow's `convert('L')`. */
const luma = (rgba: Uint8ClampedArray, i: number): number =>
  (19595 * rgba[4 * i]! + 38470 * rgba[4 * i + 1]! + 7471 * rgba[4 * i + 2]! + 0x8000) >> 16

/** [1, C, H, W] of a number for every byte: of one channel, luma, or of three. */
const planes = ({ width, height, rgba }: Image, channels: 1 | 3, of: (byte: number) => number): Tensor => {
  const table = Float32Array.from({ length: 256 }, (_, byte) => of(byte))
  const plane = width * height
  const values = new Float32Array(channels * plane)
  for (let i = 0; i < plane; i++)
    for (let c = 0; c < channels; c++) values[c * plane + i] = table[channels === 1 ? luma(rgba, i) : rgba[4 * i + c]!]!
  return fromStorage(values, [1, channels, height, width], 'f32')
}

/**
 * A picture as a tensor [1, 3, H, W] in [−1, 1] (2·v/255 − 1, every step in float32); [1, 1, H, W] in grayscale. Opacity is dropped, as
 * diffusers' `load_image` does. Throws `ShapeError` when a side of the size is less than a pixel, `ConfigError` for no `multipleOf`.
 */
export const pictureTensor = (
  image: Image,
  { normalize = true, grayscale = false, ...options }: PictureOptions = {},
): Tensor =>
  planes(fitted(image, options), grayscale ? 1 : 3, (byte) => {
    const unit = Math.fround(byte / 255)
    return normalize ? 2 * unit - 1 : unit
  })

/**
 * A mask [1, 1, H, W] of a picture: 1 where its luma, at the size asked for, is a half or more (to be painted), 0 elsewhere. Throws as
 * `pictureTensor` does.
 */
export const maskTensor = (image: Image, options: MaskOptions = {}): Tensor =>
  planes(fitted(image, options), 1, (byte) => (byte / 255 < 0.5 ? 0 : 1))

/**
 * Samples [N, C, H, W] in [0, 1] as `preprocess` treats tensors: the nearest pixels at the size asked for, and 2x − 1 unless not
 * `normalize`. Throws `ConfigError` for no `multipleOf`.
 */
export const resizeTensor = (
  x: Tensor,
  { normalize = true, ...size }: SizeOptions & { readonly normalize?: boolean } = {},
): Tensor => {
  const resized = resizeNearest(...sizeOf(x.shape[2]!, x.shape[3]!, size))(x)
  return normalize ? resized.mul(2).sub(1) : resized
}
