/** Pictures, and tensors as pictures. */
import { chunk } from '../tensor/nn.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { read } from '../backend/compile.ts'
import { ShapeError } from '../errors.ts'

/** Eight bits a channel, row by row from the top left, as a canvas's ImageData has it. */
export type Image = { readonly width: number; readonly height: number; readonly rgba: Uint8ClampedArray }

const half = Math.fround(0.5)

/**
 * A byte as Python makes it: x/2 + 0.5, clamped to [0, 1], times 255, rounded half to even, every step in float32
 * (`VaeImageProcessor.denormalize`, `numpy_to_pil`). NaN is 0.
 */
export const byteOf = (x: number): number => {
  const unit = Math.min(Math.max(Math.fround(Math.fround(x * half) + half), 0), 1)
  const scaled = Math.fround(unit * 255)
  const floor = Math.floor(scaled)
  const rest = scaled - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor || 0
}

const imageOf = (values: Float32Array, channels: number, height: number, width: number): Image => {
  const rgba = new Uint8ClampedArray(4 * height * width).fill(255)
  const plane = height * width
  for (let i = 0; i < plane; i++)
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = byteOf(values[(channels === 1 ? 0 : c) * plane + i]!)
  return { width, height, rgba }
}

/** Samples in [−1, 1], [N, 3, H, W] or [N, 1, H, W], as N pictures. Computes them. */
export const toImages = async (x: Tensor): Promise<readonly Image[]> => {
  const [n, c, h, w] = x.shape as [number, number, number, number]
  if (x.shape.length !== 4 || (c !== 1 && c !== 3))
    throw new ShapeError('toImages', [x.shape], 'is no batch of pictures; expected [N, 3, H, W] or [N, 1, H, W]')
  const values = await read(x)
  return Array.from({ length: n }, (_, i) => imageOf(values.subarray(i * c * h * w, (i + 1) * c * h * w), c, h, w))
}

/** The first sample of a batch as a picture. Computes it. */
export const toImage = async (x: Tensor): Promise<Image> => {
  const [first] = await toImages(x.shape.length === 4 && x.shape[0]! > 1 ? chunk(x, x.shape[0]!)[0]! : x)
  if (first === undefined) throw new ShapeError('toImage', [x.shape], 'holds no picture')
  return first
}

/** Pictures of one size side by side, `columns` in a row (as square as can be unless given), the rest white. */
export const grid = (images: readonly Image[], columns = Math.ceil(Math.sqrt(images.length))): Image => {
  const [first] = images
  if (first === undefined) throw new ShapeError('grid', [], 'needs at least one picture')
  const { width, height } = first
  const odd = images.find((i) => i.width !== width || i.height !== height)
  if (odd !== undefined)
    throw new ShapeError(
      'grid',
      [
        [height, width],
        [odd.height, odd.width],
      ],
      'are pictures of two sizes',
    )
  const wide = Math.min(columns, images.length) * width
  const rgba = new Uint8ClampedArray(4 * wide * height * Math.ceil(images.length / columns)).fill(255)
  images.forEach((image, i) => {
    const [left, top] = [(i % columns) * width, Math.floor(i / columns) * height]
    for (let y = 0; y < height; y++)
      rgba.set(image.rgba.subarray(4 * y * width, 4 * (y + 1) * width), 4 * ((top + y) * wide + left))
  })
  return { width: wide, height: rgba.length / (4 * wide), rgba }
}
