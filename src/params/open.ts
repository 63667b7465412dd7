/** Where a checkpoint is. */
import { taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { FileError } from '../errors.ts'
import type { Files } from './files/files.ts'
import { folder } from './files/folder.ts'
import { hub } from './files/hub.ts'
import { isNode, platform } from './platform.ts'

const looksLikeRepository = (source: string): boolean => /^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(source)

/**
 * The files of a checkpoint: the `Files` given, the folder at a path, or else the hub repository of that id. A path that begins with
 * `.`, `/` or `~`, or is no `org/name`, is never looked up on the hub.
 */
export const open = (
  source: string | Files,
  { revision }: { readonly revision?: string } = {},
): TE.TaskEither<FileError, Files> => {
  if (typeof source !== 'string') return TE.right(source)
  return pipe(
    isFolder(source),
    TE.chain((there) => {
      if (there) return TE.right(folder(source))
      return looksLikeRepository(source)
        ? TE.right(hub(source, revision === undefined ? {} : { revision }))
        : TE.left(absent(source))
    }),
  )
}

const isFolder = (path: string): TE.TaskEither<FileError, boolean> =>
  TE.fromTask(async () => {
    if (!isNode()) return false
    const { fs } = platform()
    return fs.stat(path).then(
      (s) => s.isDirectory(),
      () => false,
    )
  })

const absent = (source: string): FileError =>
  new FileError(source, 'missing', 'is no folder, nor a hub repository id (org/name)')
