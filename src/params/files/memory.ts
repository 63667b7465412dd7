/** Files that are in memory, or were dropped on a page. */
import { either as E, taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { FileError } from '../../errors.ts'
import { partsOf, type Files } from './files.ts'
import { decodeText, inRange, readableAsText } from './ranged.ts'

type Content = Uint8Array | Blob

const sizeOf = (content: Content): number => (content instanceof Uint8Array ? content.byteLength : content.size)

const slice = async (content: Content, start: number, end: number): Promise<Uint8Array> =>
  content instanceof Uint8Array
    ? new Uint8Array(content.subarray(start, end))
    : new Uint8Array(await content.slice(start, end).arrayBuffer())

/** The files of a record from paths to contents: bytes, or blobs such as the files that a visitor chose. */
export const memory = (name: string, contents: Readonly<Record<string, Content>>): Files => {
  const table = new Map(Object.entries(contents))
  const isFolder = (path: string): boolean => [...table.keys()].some((key) => key.startsWith(`${path}/`))

  const found = (path: string): E.Either<FileError, Content | undefined> =>
    pipe(
      partsOf(path),
      E.map(() => table.get(path)),
      E.filterOrElse(
        (content) => content !== undefined || !isFolder(path),
        () => new FileError(path, 'unreadable', 'is a folder, not a file'),
      ),
    )
  const content = (path: string): E.Either<FileError, Content> =>
    pipe(found(path), E.chain(E.fromNullable(new FileError(path, 'missing', `is not in ${name}`))))
  const read = (path: string, start: number, end: number): TE.TaskEither<FileError, Uint8Array> =>
    pipe(
      TE.fromEither(content(path)),
      TE.chainFirstEitherK((c) => inRange(path, start, end, sizeOf(c))),
      TE.chain((c) =>
        TE.tryCatch(
          () => slice(c, start, end),
          (error) => new FileError(path, 'unreadable', error instanceof Error ? error.message : String(error)),
        ),
      ),
    )
  return {
    name,
    has: (path) =>
      TE.fromEither(
        pipe(
          found(path),
          E.map((c) => c !== undefined),
        ),
      ),
    size: (path) => TE.fromEither(pipe(content(path), E.map(sizeOf))),
    read,
    text: (path) =>
      pipe(
        TE.fromEither(content(path)),
        TE.chainEitherK((c) => readableAsText(path, sizeOf(c))),
        TE.chain((size) => read(path, 0, size)),
        TE.chainEitherK((bytes) => decodeText(path, bytes)),
      ),
  }
}
