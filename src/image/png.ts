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

type Pixel = readonly [number, number, number, number]

/** How a pixel's samples become RGBA. */
const pixelOf = (type: number, { depth, palette, transparency }: DecodedPng): ((s: readonly number[]) => Pixel) => {
  const mask = 2 ** depth - 1
  const clear = (s: readonly number[]): number =>
    transparency !== undefined && s.every((v, i) => v === (transparency[i]! & mask)) ? 0 : 255
  const byte = (v: number): number => (depth === 16 ? v >> 8 : v)
  if (type === 3)
    return ([index]) => {
      const [r, g, b, alpha = 255] = palette?.[index!] ?? [0, 0, 0]
      return [r!, g!, b!, alpha]
    }
  if (type === 0)
    return (s) => {
      // Pillow opens 16-bit gray as integers, which its `convert` clamps.
      const v = depth === 16 ? Math.min(s[0]!, 255) : (s[0]! * 255) / mask
      return [v, v, v, clear(s)]
    }
  if (type === 2) return (s) => [byte(s[0]!), byte(s[1]!), byte(s[2]!), clear(s)]
  if (type === 4) return ([v, a]) => [byte(v!), byte(v!), byte(v!), byte(a!)]
  return ([r, g, b, a]) => [byte(r!), byte(g!), byte(b!), byte(a!)]
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
  const { width, height, data } = png
  if (width === 0 || height === 0) throw problem('corrupt', 'has no pixels')
  if (type === 3 && png.palette === undefined) throw problem('corrupt', 'has no palette')
  const line = Math.ceil((width * kind.channels * depth) / 8)
  const sample = (y: number, i: number): number =>
    depth < 8
      ? (data[y * line + ((i * depth) >> 3)]! >> (8 - depth - ((i * depth) & 7))) & (2 ** depth - 1)
      : data[y * width * kind.channels + i]!
  const pixel = pixelOf(type, png)
  const rgba = new Uint8ClampedArray(4 * width * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const samples = Array.from({ length: kind.channels }, (_, c) => sample(y, x * kind.channels + c))
      rgba.set(pixel(samples), 4 * (y * width + x))
    }
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
