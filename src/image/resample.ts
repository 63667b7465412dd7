/** Pictures at another size, byte for byte as Pillow makes them (13.0: `Image.resize`, Resample.c, Geometry.c, Convert.c). */
import { ShapeError } from '../errors.ts'
import type { Image } from './image.ts'

/** A filter's kernel, which is 0 beyond `support` on either side. */
type Kernel = { readonly support: number; readonly at: (x: number) => number }

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI))

// Pillow writes Hamming's two weights as floats.
const [hammingMean, hammingSwing] = [Math.fround(0.54), Math.fround(0.46)]

const bicubic = (x: number): number => {
  const a = -0.5 // Keys 1981
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
}

const kernels = {
  box: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    at: (x) => (Math.abs(x) >= 1 ? 0 : sinc(x) * (hammingMean + hammingSwing * Math.cos(x * Math.PI))),
  },
  bicubic: { support: 2, at: (x) => bicubic(Math.abs(x)) },
  lanczos: { support: 3, at: (x) => (-3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
} satisfies Readonly<Record<string, Kernel>>

/** How pixels between pixels are made. */
export type Filter = keyof typeof kernels | 'nearest'

/** Every filter, by Pillow's names. */
export const filters: readonly Filter[] = ['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos']

/** A rectangle of a picture: left, top, right, bottom, in pixels and parts of them. */
export type Box = readonly [number, number, number, number]

/** `box`: the part of the picture that is scaled, all of it unless given. The filter is bicubic unless given, as Pillow's. */
export type ResizeOptions = {
  readonly width: number
  readonly height: number
  readonly filter?: Filter
  readonly box?: Box
}

const bits = 22 // of a weight's fraction: 32 less a byte and two for what filters with negative parts exceed it by

/** The weights of one output pixel, over the input pixels from `first`, in units of 2⁻²². */
type Taps = { readonly first: number; readonly weights: Int32Array }

/** The taps of every one of `to` pixels over the stretch from `start` to `end` of `from` pixels, wider when that shrinks. */
const tapsOf = ({ support, at }: Kernel, from: number, start: number, end: number, to: number): readonly Taps[] => {
  const scale = Math.fround(end - start) / to
  const stretch = Math.max(scale, 1)
  const reach = support * stretch
  return Array.from({ length: to }, (_, i) => {
    const center = start + (i + 0.5) * scale
    const first = Math.max(Math.trunc(center - reach + 0.5), 0)
    const last = Math.min(Math.trunc(center + reach + 0.5), from)
    const inverse = 1 / stretch
    const kernel = Float64Array.from({ length: last - first }, (_, j) => at((j + first - center + 0.5) * inverse))
    const total = kernel.reduce((sum, w) => sum + w, 0)
    const weights = Int32Array.from(kernel, (w) => {
      const fixed = (total === 0 ? w : w / total) * 2 ** bits
      return Math.trunc(fixed + (fixed < 0 ? -0.5 : 0.5))
    })
    return { first, weights }
  })
}

/** One pass: [outer, length, inner] → [outer, taps, inner], every element Σ weight·byte, rounded half up and clamped to a byte. */
const convolve = (
  bytes: Uint8ClampedArray,
  length: number,
  inner: number,
  taps: readonly Taps[],
): Uint8ClampedArray => {
  const outer = bytes.length / (length * inner)
  const out = new Uint8ClampedArray(outer * taps.length * inner)
  const sums = new Int32Array(inner)
  for (let o = 0; o < outer; o++)
    taps.forEach(({ first, weights }, i) => {
      sums.fill(1 << (bits - 1))
      for (let j = 0; j < weights.length; j++) {
        const weight = weights[j]!
        const from = (o * length + first + j) * inner
        for (let c = 0; c < inner; c++) sums[c]! += bytes[from + c]! * weight
      }
      const to = (o * taps.length + i) * inner
      for (let c = 0; c < inner; c++) out[to + c] = sums[c]! >> bits
    })
  return out
}

/** Two passes of a kernel; a pass that changes nothing is left out. */
const filtered = (
  { width, height, rgba }: Image,
  kernel: Kernel,
  w: number,
  h: number,
  box: Box,
): Uint8ClampedArray => {
  const [left, top, right, bottom] = box
  const across = (bytes: Uint8ClampedArray): Uint8ClampedArray =>
    w === width && left === 0 && right === w ? bytes : convolve(bytes, width, 4, tapsOf(kernel, width, left, right, w))
  const down = (bytes: Uint8ClampedArray, columns: number): Uint8ClampedArray =>
    h === height && top === 0 && bottom === h
      ? bytes
      : convolve(bytes, height, 4 * columns, tapsOf(kernel, height, top, bottom, h))
  // The bytes between the passes are rounded, so their order shows: Pillow (from 13.0) begins with the rows where they shrink by more.
  const downFirst = height > h && height - h > 2 * (width - w)
  return downFirst ? across(down(rgba, width)) : down(across(rgba), w)
}

/** The pixels that `to` centers over the stretch from `start` to `end` fall into. Their positions are added up, as in Pillow. */
const nearestOf = (start: number, end: number, to: number): Int32Array => {
  const scale = Math.fround(end - start) / to
  let at = start + scale * 0.5
  return Int32Array.from({ length: to }, () => {
    const pixel = Math.trunc(at)
    at += scale
    return pixel
  })
}

const picked = ({ width, height, rgba }: Image, w: number, h: number, box: Box): Uint8ClampedArray => {
  const [left, top, right, bottom] = box
  const [columns, rows] = [nearestOf(left, right, w), nearestOf(top, bottom, h)]
  const out = new Uint8ClampedArray(4 * w * h)
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const [column, row] = [columns[x]!, rows[y]!]
      // A box of no extent at the far edge has no pixel: nothing is there, as in Pillow.
      if (column >= width || row >= height) continue
      const from = 4 * (row * width + column)
      for (let c = 0; c < 4; c++) out[4 * (y * w + x) + c] = rgba[from + c]!
    }
  return out
}

/** Colors times their opacity, so that clear pixels do not bleed: v·a/255, rounded. */
const premultiplied = (rgba: Uint8ClampedArray): Uint8ClampedArray =>
  rgba.map((v, i) => (i % 4 === 3 ? v : Math.floor((v * rgba[i | 3]! + 127) / 255)))

/** The way back, rounded down; where nothing is to be divided, colors stay. */
const unmultiplied = (rgba: Uint8ClampedArray): Uint8ClampedArray =>
  rgba.map((v, i) => {
    const alpha = rgba[i | 3]!
    return i % 4 === 3 || alpha === 0 || alpha === 255 ? v : Math.floor((255 * v) / alpha)
  })

/**
 * A picture at another size, as Pillow's `Image.resize` makes it of the same RGBA picture: two passes over bytes with weights of 22
 * bits, rounded in between, colors weighted by their opacity (save for `nearest`). Its own size is the picture itself. Throws
 * `ShapeError` when the size is not of whole pixels, 1 or more each way, or the box is not within the picture.
 */
export const resize = (
  image: Image,
  { width, height, filter = 'bicubic', box = [0, 0, image.width, image.height] }: ResizeOptions,
): Image => {
  if (![width, height].every((d) => Number.isInteger(d) && d > 0))
    throw new ShapeError('resize', [[height, width]], 'is no size of a picture; expected whole numbers of 1 or more')
  const [left, top, right, bottom] = box.map(Math.fround) as [number, number, number, number]
  if (!(0 <= left && left <= right && right <= image.width && 0 <= top && top <= bottom && bottom <= image.height))
    throw new ShapeError('resize', [[image.height, image.width]], `does not hold the box ${box.join(', ')}`)
  const whole = left === 0 && top === 0 && right === image.width && bottom === image.height
  if (whole && width === image.width && height === image.height) return image
  if (filter === 'nearest') return { width, height, rgba: picked(image, width, height, [left, top, right, bottom]) }
  const rgba = filtered({ ...image, rgba: premultiplied(image.rgba) }, kernels[filter], width, height, [
    left,
    top,
    right,
    bottom,
  ])
  return { width, height, rgba: unmultiplied(rgba) }
}
