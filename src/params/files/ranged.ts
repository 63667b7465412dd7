/** What every kind of `Files` does in the same way. */
import { either as E } from 'fp-ts'
import { FileError } from '../../errors.ts'
import { longestText } from './files.ts'

/** `Left` where a range is none, or is not all in a file of `size` bytes; checked before anything is allocated for it. */
export const inRange = (path: string, start: number, end: number, size: number): E.Either<FileError, number> => {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start)
    return E.left(new FileError(path, 'corrupt', `bytes ${start} to ${end} are no range`))
  if (end > size)
    return E.left(new FileError(path, 'corrupt', `bytes ${start} to ${end} are wanted, but it has only ${size}`))
  return E.right(end - start)
}

/** `Left` where a file is too long to be read as text. */
export const readableAsText = (path: string, size: number): E.Either<FileError, number> =>
  size <= longestText
    ? E.right(size)
    : E.left(new FileError(path, 'unsupported', `has ${size} bytes; text is read up to ${longestText}`))

/** Bytes that must be UTF-8, as text; a byte order mark is dropped. */
export const decodeText = (path: string, bytes: Uint8Array): E.Either<FileError, string> =>
  E.tryCatch(
    () => new TextDecoder('utf-8', { fatal: true }).decode(bytes),
    () => new FileError(path, 'corrupt', 'is no UTF-8 text'),
  )
