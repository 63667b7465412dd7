/** Where the files of a checkpoint are read from. */
import { either as E } from 'fp-ts'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { FileError } from '../../errors.ts'

/**
 * A tree of files that can be read by ranges. Paths are relative, with `/` between their parts; one that leads outside is a `FileError`
 * with problem `escapes`. A file that is not there has problem `missing`.
 */
export interface Files {
  /** Where this is, for messages: a folder's path, a repository's id. */
  readonly name: string
  /** Is there a file at this path? */
  readonly has: (path: string) => TaskEither<FileError, boolean>
  /** Its length in bytes. */
  readonly size: (path: string) => TaskEither<FileError, number>
  /** The bytes from `start` up to but not including `end`, in a buffer of their own; fewer than asked for is an error. */
  readonly read: (path: string, start: number, end: number) => TaskEither<FileError, Uint8Array>
  /** A whole small file as UTF-8 text; one over 64 MiB is refused. */
  readonly text: (path: string) => TaskEither<FileError, string>
}

/** The longest file that is read as text. */
export const longestText = 64 * 2 ** 20

/** The parts of a path inside a tree; `Left` where it is empty, absolute, climbs out, or holds what no checkpoint's name does. */
export const partsOf = (path: string): E.Either<FileError, readonly string[]> => {
  const parts = path.split('/')
  const outside = path === '' || /[\\\0:]/.test(path) || parts.some((p) => p === '' || p === '.' || p === '..')
  return outside ? E.left(new FileError(path, 'escapes', 'is no path inside the checkpoint')) : E.right(parts)
}
