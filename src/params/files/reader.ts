/** `Files` from three plain functions. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { FileError } from '../../errors.ts'
import { attempt, checkedParts, checkRange, utf8 } from './attempt.ts'
import { longestText, type Files } from './files.ts'

/** What is needed of a place; paths are checked already, and ranges too but for the file's end. They throw `FileError`. */
export type Place = {
  readonly name: string
  readonly has: (path: string, parts: readonly string[]) => Promise<boolean>
  readonly size: (path: string, parts: readonly string[]) => Promise<number>
  readonly read: (path: string, start: number, end: number, parts: readonly string[]) => Promise<Uint8Array>
}

/** A file that is not there. */
export const missing = (path: string, where: string): FileError =>
  new FileError(path, 'missing', `is not there, in ${where}`)

/** `Files` of a place: with paths checked, errors as values, and text. */
export const filesOf = (place: Place): Files => {
  const at = <A>(path: string, f: (parts: readonly string[]) => Promise<A>): TaskEither<FileError, A> =>
    attempt(path, 'unreadable', () => f(checkedParts(path)))
  return {
    name: place.name,
    has: (path) => at(path, (parts) => place.has(path, parts)),
    size: (path) => at(path, (parts) => place.size(path, parts)),
    read: (path, start, end) =>
      at(path, (parts) => {
        checkRange(path, start, end)
        return place.read(path, start, end, parts)
      }),
    text: (path) =>
      at(path, async (parts) => {
        const size = await place.size(path, parts)
        if (size > longestText)
          throw new FileError(path, 'unsupported', `is ${size} bytes long, more than ${longestText} for a text`)
        const text = utf8(path, await place.read(path, 0, size, parts))
        return text.startsWith('\ufeff') ? text.slice(1) : text
      }),
  }
}
