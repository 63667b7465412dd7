/** Between promises that throw and `TaskEither`: within `files/` errors are thrown, at its edge they are values. */
import { either as E, taskEither as TE } from 'fp-ts'
import { FileError, type FileProblem } from '../../errors.ts'
import { partsOf } from './files.ts'

/** What an unknown thrown thing says. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The error as it is when it is a `FileError`, else one of this problem. */
export const fileError = (path: string, problem: FileProblem, error: unknown): FileError =>
  error instanceof FileError ? error : new FileError(path, problem, messageOf(error))

/** A promise as a `TaskEither`; what it throws that is no `FileError` becomes one of this problem. */
export const attempt = <A>(path: string, problem: FileProblem, f: () => A | Promise<A>): TE.TaskEither<FileError, A> =>
  TE.tryCatch(
    async () => f(),
    (error) => fileError(path, problem, error),
  )

/** The way back: the value, or its `FileError` thrown. */
export const unwrap = async <A>(task: TE.TaskEither<FileError, A>): Promise<A> => {
  const result = await task()
  if (E.isLeft(result)) throw result.left
  return result.right
}

/** The parts of a path; throws `FileError` where it leads outside. */
export const checkedParts = (path: string): readonly string[] => {
  const parts = partsOf(path)
  if (E.isLeft(parts)) throw parts.left
  return parts.right
}

/** Throws `FileError` unless 0 ≤ start ≤ end ≤ size, in whole bytes. */
export const checkRange = (path: string, start: number, end: number, size = Number.MAX_SAFE_INTEGER): void => {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start)
    throw new FileError(path, 'corrupt', `${start} to ${end} is no range of bytes`)
  if (end > size) throw new FileError(path, 'corrupt', `ends at byte ${size}; bytes ${start} to ${end} were wanted`)
}

/** UTF-8 as text; throws `FileError` where it is something else. A byte order mark is kept. */
export const utf8 = (path: string, bytes: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new FileError(path, 'corrupt', 'is no UTF-8 text')
  }
}
