/**
 * The safetensors format: 8 bytes of header length, a JSON header, then the tensors' bytes, without gaps
 * (https://github.com/huggingface/safetensors, README, "Format"). Read by ranges, and trusted in nothing.
 */
import { either as E, taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import type { Storage } from '../core/dtype.ts'
import { FileError } from '../errors.ts'
import type { Entry } from './entry.ts'
import { attempt, unwrap, utf8 } from './files/attempt.ts'
import type { Files } from './files/files.ts'
import { isObject, own, parseObject } from './json.ts'
import { countOf, shapeOf, storedOf, type Stored } from './stored.ts'

/** The reference implementation's limit. */
const longestHeader = 100_000_000

type Placed = Omit<Entry, 'read'> & { readonly type: Stored; readonly start: number; readonly end: number }

/**
 * The tensors of a safetensors file, by name; values are not read yet. `Left` where any rule of the format is broken (corrupt), or where an
 * element type is none of ours (unsupported).
 */
export const safetensors = (files: Files, path: string): TE.TaskEither<FileError, ReadonlyMap<string, Entry>> =>
  attempt(path, 'corrupt', async () => {
    const size = await unwrap(files.size(path))
    if (size < 8) throw new FileError(path, 'corrupt', `is ${size} bytes long, and no safetensors file`)
    const first = await unwrap(files.read(path, 0, 8))
    const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true)
    if (length > longestHeader)
      throw new FileError(path, 'corrupt', `claims a header of ${length} bytes, more than ${longestHeader}`)
    const data = 8 + Number(length)
    if (data > size) throw new FileError(path, 'corrupt', `ends at byte ${size}, within its header of ${length} bytes`)
    const text = utf8(path, await unwrap(files.read(path, 8, data)))
    if (!text.startsWith('{')) throw new FileError(path, 'corrupt', 'has a header that does not begin with {')
    const placed = pipe(
      parseObject(path, text),
      E.chain((header) => placedOf(path, header, size - data)),
    )
    if (E.isLeft(placed)) throw placed.left
    const entries = [...placed.right].map(([name, { type, start, end, ...known }]) => {
      const read: TE.TaskEither<FileError, Storage> = pipe(
        files.read(path, data + start, data + end),
        TE.filterOrElse(
          (bytes) => bytes.byteLength === end - start,
          (bytes) => new FileError(path, 'corrupt', `${name} has ${end - start} bytes; ${bytes.byteLength} were read`),
        ),
        TE.chain((bytes) => attempt(path, 'unreadable', () => type.read(`${path}: ${name}`, bytes))),
      )
      return [name, { ...known, read }] as const
    })
    return new Map(entries)
  })

const placedOf = (
  path: string,
  header: Readonly<Record<string, unknown>>,
  size: number,
): E.Either<FileError, ReadonlyMap<string, Placed>> => {
  const placed = new Map<string, Placed>()
  for (const [name, info] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (isObject(info) && Object.values(info).every((v) => typeof v === 'string')) continue
      return E.left(new FileError(path, 'corrupt', '__metadata__ is no object of strings'))
    }
    const tensor = placedTensor(path, name, info)
    if (E.isLeft(tensor)) return tensor
    placed.set(name, tensor.right)
  }
  let at = 0
  for (const [name, { start, end }] of [...placed].sort(([, a], [, b]) => a.start - b.start || a.end - b.end)) {
    if (start !== at)
      return E.left(
        new FileError(
          path,
          'corrupt',
          `${name} begins at byte ${start} of the data, where ${at} was due: a hole or an overlap`,
        ),
      )
    at = end
  }
  if (at !== size) return E.left(new FileError(path, 'corrupt', `has ${size} bytes of data; its tensors take up ${at}`))
  return E.right(placed)
}

const placedTensor = (path: string, name: string, info: unknown): E.Either<FileError, Placed> => {
  const corrupt = (detail: string) => E.left(new FileError(path, 'corrupt', `${name} ${detail}`))
  if (!isObject(info)) return corrupt('is no object in the header')
  const shape = shapeOf(own(info, 'shape'))
  if (shape === undefined) return corrupt(`has a shape that is none: ${brief(own(info, 'shape'))}`)
  const offsets = own(info, 'data_offsets')
  const [start, end] = Array.isArray(offsets) && offsets.length === 2 ? (offsets as unknown[]) : []
  if (!isOffset(start) || !isOffset(end) || end < start) return corrupt(`has no valid data_offsets: ${brief(offsets)}`)
  if (typeof own(info, 'dtype') !== 'string') return corrupt('has no dtype')
  return pipe(
    storedOf(path, name, own(info, 'dtype')),
    E.chain((type) => {
      const bytes = countOf(shape)! * type.bytes
      if (bytes !== end - start)
        return corrupt(`has ${end - start} bytes; ${type.name}[${shape.join(',')}] takes ${bytes}`)
      return E.right({ type, dtype: type.dtype, stored: type.name, shape, bytes, start, end })
    }),
  )
}

const isOffset = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const brief = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 200)
