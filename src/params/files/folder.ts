/** Files in a folder of this machine (Node, Deno). */
import { FileError } from '../../errors.ts'
import { platform } from '../platform.ts'
import { codeOf, isAbsence, readRange } from './disk.ts'
import type { Files } from './files.ts'
import { filesOf, missing } from './reader.ts'

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'may not be read: permission denied',
  EPERM: 'may not be read: not permitted',
  ELOOP: 'cannot be read: its links go in circles',
  EMFILE: 'cannot be opened: too many files are open',
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

/** The files in a folder. A link that leads out of it is an error, save into the blobs of a hub cache that the folder is part of. */
export const folder = (dir: string): Files => {
  const located = async (path: string, parts: readonly string[]): Promise<{ real: string; size: number }> => {
    const { fs, path: paths } = platform()
    const real = await fs.realpath(paths.resolve(dir, ...parts))
    if (!isWithin(boundary(await fs.realpath(dir)), real))
      throw new FileError(path, 'escapes', `is a link that leads out of ${dir}`)
    const status = await fs.stat(real)
    if (status.isDirectory()) throw new FileError(path, 'unreadable', 'is a folder, not a file')
    // A pipe would be waited for, and a device never ends.
    if (!status.isFile()) throw new FileError(path, 'unreadable', 'is no regular file')
    return { real, size: status.size }
  }
  const explained = async <A>(path: string, run: () => Promise<A>): Promise<A> => {
    try {
      return await run()
    } catch (error) {
      if (isAbsence(error)) throw missing(path, dir)
      const reason = reasons[codeOf(error) ?? '']
      throw reason === undefined ? error : new FileError(path, 'unreadable', reason)
    }
  }
  return filesOf({
    name: dir,
    has: (path, parts) =>
      explained(path, async () => {
        try {
          await located(path, parts)
          return true
        } catch (error) {
          if (isAbsence(error)) return false
          throw error
        }
      }),
    size: (path, parts) => explained(path, async () => (await located(path, parts)).size),
    read: (path, start, end, parts) =>
      explained(path, async () => readRange(path, (await located(path, parts)).real, start, end)),
  })
}
