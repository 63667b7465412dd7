/** Where a checkpoint is. */
import { taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { FileError } from '../errors.ts'
import type { Files } from './files/files.ts'
import { folder } from './files/folder.ts'
import { hub } from './files/hub.ts'

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
  const local = folder(source)
  return pipe(
    local.has('model_index.json'),
    TE.orElse(() => TE.right<FileError, boolean>(false)),
    TE.chain((there) => {
      if (there || !looksLikeRepository(source)) return there ? TE.right(local) : TE.left(absent(source))
      return pipe(
        isFolder(source),
        TE.chain((exists) =>
          exists ? TE.left(absent(source)) : TE.right(hub(source, revision === undefined ? {} : { revision })),
        ),
      )
    }),
  )
}

const absent = (source: string): FileError =>
  new FileError(source, 'missing', 'is no folder with a model_index.json, nor a hub repository id (org/name)')
