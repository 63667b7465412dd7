/** Files in a folder of this machine (Node, Deno). */
import { either as E, taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import type { FileHandle } from 'node:fs/promises'
import { FileError } from '../../errors.ts'
import { platform } from '../platform.ts'
import { partsOf, type Files } from './files.ts'
import { decodeText, inRange, readableAsText } from './ranged.ts'

// The most that one call of the system reads.
const chunk = 2 ** 30

const messages: Readonly<Record<string, string>> = {
  EACCES: 'may not be read: permission denied',
  EPERM: 'may not be read: not permitted',
  ELOOP: 'may not be read: its links go in circles',
  EMFILE: 'cannot be opened: too many files are open',
}

const failed =
  (dir: string, path: string) =>
  (error: unknown): FileError => {
    if (error instanceof FileError) return error
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code === 'ENOENT' || code === 'ENOTDIR') return new FileError(path, 'missing', `is not in ${dir}`)
    const message = messages[code] ?? `cannot be read: ${error instanceof Error ? error.message : String(error)}`
    return new FileError(path, 'unreadable', message)
  }

/** The folder that links may lead into: the hub's cache keeps a snapshot's files as links to blobs beside the snapshots. */
const boundary = (root: string): string => {
  const { path } = platform()
  for (let at = root; at !== path.dirname(at); at = path.dirname(at))
    if (path.basename(at).startsWith('models--')) return at
  return root
}

const isWithin = (outer: string, inner: string): boolean => {
  const { path } = platform()
  const way = path.relative(outer, inner)
  return way !== '..' && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way)
}

/** Where a file really is, all links followed, and its size. */
const locate = async (dir: string, path: string): Promise<{ readonly real: string; readonly size: number }> => {
  const { fs, path: paths } = platform()
  const parts = partsOf(path)
  if (E.isLeft(parts)) throw parts.left
  const real = await fs.realpath(paths.resolve(dir, ...parts.right))
  if (!isWithin(boundary(await fs.realpath(dir)), real))
    throw new FileError(path, 'escapes', `is a link that leads out of ${dir}`)
  const status = await fs.stat(real)
  if (status.isDirectory()) throw new FileError(path, 'unreadable', 'is a folder, not a file')
  if (!status.isFile()) throw new FileError(path, 'unreadable', 'is no regular file')
  return { real, size: status.size }
}

const fill = async (handle: FileHandle, path: string, start: number, length: number): Promise<Uint8Array> => {
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(chunk, length - done), start + done)
    if (bytesRead === 0) throw new FileError(path, 'corrupt', `ended at byte ${start + done} while it was read`)
    done += bytesRead
  }
  return bytes
}

/** The files in a folder. A link that leads out of it is an error, save into the blobs of a hub cache that the folder is part of. */
export const folder = (dir: string): Files => {
  const attempt = <A>(path: string, run: () => Promise<A>): TE.TaskEither<FileError, A> =>
    TE.tryCatch(run, failed(dir, path))
  const size = (path: string): TE.TaskEither<FileError, number> =>
    attempt(path, async () => (await locate(dir, path)).size)
  const read = (path: string, start: number, end: number): TE.TaskEither<FileError, Uint8Array> =>
    attempt(path, async () => {
      const { real, size } = await locate(dir, path)
      const length = inRange(path, start, end, size)
      if (E.isLeft(length)) throw length.left
      const handle = await platform().fs.open(real, 'r')
      try {
        return await fill(handle, path, start, length.right)
      } finally {
        await handle.close()
      }
    })
  return {
    name: dir,
    has: (path) =>
      pipe(
        size(path),
        TE.map(() => true),
        TE.orElse((error) => (error.problem === 'missing' ? TE.right(false) : TE.left(error))),
      ),
    size,
    read,
    text: (path) =>
      pipe(
        size(path),
        TE.chainEitherK((length) => readableAsText(path, length)),
        TE.chain((length) => read(path, 0, length)),
        TE.chainEitherK((bytes) => decodeText(path, bytes)),
      ),
  }
}
