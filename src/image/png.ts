/** Pictures as PNG files. */
import { decode, encode, type DecodedPng } from 'fast-png'
import { fromEither, chain, tryCatch, type TaskEither } from 'fp-ts/lib/TaskEither.js'
import { tryCatch as attempt, type Either } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { FileError } from '../errors.ts'
import { isAbsence } from '../params/files/disk.ts'
import { platform } from '../params/platform.ts'
import type { Image } from './image.ts'

const opaque = (rgba: Uint8ClampedArray): boolean => {
  for (let i = 3; i < rgba.length; i += 4) if (rgba[i] !== 255) return false
  return true
}

/** The bytes of a PNG file: RGB, or RGBA where some pixel is not opaque. */
export const encodePng = ({ width, height, rgba }: Image): Uint8Array => {
  if (!opaque(rgba)) return encode({ width, height, data: new Uint8Array(rgba), channels: 4 })
  const data = new Uint8Array(3 * width * height)
  for (let i = 0; i < width * height; i++) data.set(rgba.subarray(4 * i, 4 * i + 3), 3 * i)
  return encode({ width, height, data, channels: 3 })
}

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Writes a PNG file (Node and Deno); folders on the way are made. */
export const writePng = (path: string, image: Image): TaskEither<FileError, string> =>
  tryCatch(
    async () => {
      const { fs, path: paths } = platform()
      await fs.mkdir(paths.dirname(path), { recursive: true })
      await fs.writeFile(path, encodePng(image))
      return paths.resolve(path)
    },
    (error) => new FileError(path, 'unreadable', `cannot be written: ${said(error)}`),
  )

type Kind = { readonly depths: readonly number[]; readonly channels: number }

// By the color type of the header: gray, RGB, palette, gray and alpha, RGBA.
const kinds: Readonly<Record<number, Kind>> = {
  0: { depths: [1, 2, 4, 8, 16], channels: 1 },
  2: { depths: [8, 16], channels: 3 },
  3: { depths: [1, 2, 4, 8], channels: 1 },
  4: { depths: [8, 16], channels: 2 },
  6: { depths: [8, 16], channels: 4 },
}
const signature = [137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82] // and the start of the header

/** Samples of less than a byte, one an element; rows begin on a byte. */
const unpacked = ({ data, width, height, depth }: DecodedPng): ArrayLike<number> => {
  if (depth >= 8) return data
  const [line, mask] = [Math.ceil((width * depth) / 8), 2 ** depth - 1]
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const bit = (i % width) * depth
    return (data[Math.floor(i / width) * line + (bit >> 3)]! >> (8 - depth - (bit & 7))) & mask
  })
}

/** RGBA of gray or RGB, with or without opacity. Of 16 bits the upper 8, as Pillow, but gray clamped, as its `convert` does integers. */
const colored = (png: DecodedPng, channels: number, rgba: Uint8ClampedArray): void => {
  const { depth, transparency } = png
  const samples = unpacked(png)
  const mask = 2 ** depth - 1
  const byte = (v: number): number => (depth === 8 ? v : depth < 8 ? (v * 255) / mask : channels === 1 ? v : v >> 8)
  const isClear = (from: number): boolean => transparency!.every((v, c) => samples[from + c] === (v & mask))
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2]
  for (let from = 0, to = 0; to < rgba.length; from += channels, to += 4) {
    rgba[to] = byte(samples[from]!)
    rgba[to + 1] = byte(samples[from + green]!)
    rgba[to + 2] = byte(samples[from + blue]!)
    if (channels % 2 === 0) rgba[to + 3] = byte(samples[from + channels - 1]!)
    else rgba[to + 3] = transparency !== undefined && isClear(from) ? 0 : 255
  }
}

/** RGBA of places in a palette; a place that it has not is black, as in Pillow. */
const looked = (png: DecodedPng, palette: readonly (readonly number[])[], rgba: Uint8ClampedArray): void => {
  const indices = unpacked(png)
  for (let i = 0; i < indices.length; i++) {
    const [r = 0, g = 0, b = 0, alpha = 255] = palette[indices[i]!] ?? []
    rgba[4 * i] = r
    rgba[4 * i + 1] = g
    rgba[4 * i + 2] = b
    rgba[4 * i + 3] = alpha
  }
}

const imageOf = (bytes: Uint8Array, path: string): Image => {
  const problem = (kind: 'corrupt' | 'unsupported', why: string): FileError => new FileError(path, kind, why)
  if (signature.some((v, i) => i < 8 && bytes[i] !== v)) throw problem('unsupported', 'is no PNG file')
  const [depth, type, interlaced] = [bytes[24]!, bytes[25]!, bytes[28] === 1]
  const kind = kinds[type]
  if (signature.some((v, i) => bytes[i] !== v) || kind === undefined || !kind.depths.includes(depth))
    throw problem('corrupt', 'has no valid PNG header')
  // fast-png takes every sample of an interlaced picture for a whole byte.
  if (interlaced && depth < 8) throw problem('unsupported', `is interlaced with ${depth} bits a sample`)
  const png = decode(bytes, { checkCrc: true })
  const { width, height, palette } = png
  if (width === 0 || height === 0) throw problem('corrupt', 'has no pixels')
  const rgba = new Uint8ClampedArray(4 * width * height)
  if (type !== 3) colored(png, kind.channels, rgba)
  else if (palette !== undefined) looked(png, palette, rgba)
  else throw problem('corrupt', 'has no palette')
  return { width, height, rgba }
}

/**
 * The picture of a PNG file's bytes, whatever its color type and depth, as Pillow converts it to RGBA: of 16 bits the upper 8, but gray
 * of 16 bits clamped to 255. `path` names it in errors. Left: 'unsupported' when it is no PNG, 'corrupt' when it is a broken one.
 */
export const decodePng = (bytes: Uint8Array, path = 'PNG'): Either<FileError, Image> =>
  attempt(
    () => imageOf(bytes, path),
    (error) => (error instanceof FileError ? error : new FileError(path, 'corrupt', `cannot be read: ${said(error)}`)),
  )

/** Reads a PNG file (Node and Deno). Left: 'missing' or 'unreadable', or what `decodePng` finds. */
export const readPng = (path: string): TaskEither<FileError, Image> =>
  pipe(
    tryCatch(
      async (): Promise<Uint8Array> => platform().fs.readFile(path),
      (error) =>
        isAbsence(error)
          ? new FileError(path, 'missing', 'is not there')
          : new FileError(path, 'unreadable', `cannot be read: ${said(error)}`),
    ),
    chain((bytes) => fromEither(decodePng(bytes, path))),
  )
