/** Pictures as PNG files. */
import { encode } from 'fast-png'
import { tryCatch, type TaskEither } from 'fp-ts/lib/TaskEither.js'
import { FileError } from '../errors.ts'
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

/** Writes a PNG file (Node and Deno); folders on the way are made. */
export const writePng = (path: string, image: Image): TaskEither<FileError, string> =>
  tryCatch(
    async () => {
      const { fs, path: paths } = platform()
      await fs.mkdir(paths.dirname(path), { recursive: true })
      await fs.writeFile(path, encodePng(image))
      return paths.resolve(path)
    },
    (error) =>
      new FileError(path, 'unreadable', `cannot be written: ${error instanceof Error ? error.message : String(error)}`),
  )
