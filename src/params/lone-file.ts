/** Weights that are one file beside a checkpoint: a LoRA, the vectors of a textual inversion. */
import { taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { FileError } from '../errors.ts'
import type { Entry } from './entry.ts'
import type { Files } from './files/files.ts'
import { open } from './open.ts'
import { safetensors } from './safetensors.ts'
import { torchZip } from './torch-zip.ts'

/** Which file of a source is meant. */
export type LoneFileOptions = {
  /** The file's path within the source; the usual names are looked for unless given. */
  readonly file?: string
  /** A branch, tag or commit of a hub repository; `main` unless given. */
  readonly revision?: string
}

/** A file, and where it is. */
export type LoneFile = { readonly files: Files; readonly path: string }

const isWeights = (path: string): boolean => /\.(safetensors|bin|pt|pth|ckpt)$/.test(path)

/** A path to a file as a folder and the file in it; of a hub repository's, the repository is the first two parts. */
const opened = (source: string, options: LoneFileOptions): TE.TaskEither<FileError, LoneFile> => {
  const cut = Math.max(source.lastIndexOf('/'), source.lastIndexOf('\\'))
  const [, repository, rest] = /^([^./~\\][^/\\]*\/[^/\\]+)\/(.+\/.+)$/.exec(source) ?? []
  return pipe(
    open(cut < 0 ? '.' : source.slice(0, Math.max(1, cut)), options),
    TE.map((files) => ({ files, path: source.slice(cut + 1) })),
    TE.orElse((error) =>
      repository === undefined || rest === undefined
        ? TE.left(error)
        : pipe(
            open(repository, options),
            TE.map((files) => ({ files, path: rest })),
          ),
    ),
  )
}

const firstThere = (files: Files, names: readonly string[]): TE.TaskEither<FileError, LoneFile> =>
  pipe(
    names,
    TE.traverseSeqArray((path) => files.has(path)),
    TE.chain((there) => {
      const path = names[there.indexOf(true)]
      return path === undefined
        ? TE.left(new FileError(files.name, 'missing', `has none of ${names.join(', ')}; say which file it is`))
        : TE.right({ files, path })
    }),
  )

/** The file that a source means: a path to it, or a folder, a hub repository or `Files`, in which one of `names` is looked for. */
export const loneFile = (
  source: string | Files,
  names: readonly string[],
  options: LoneFileOptions = {},
): TE.TaskEither<FileError, LoneFile> => {
  const { file } = options
  if (typeof source === 'string' && file === undefined && isWeights(source)) return opened(source, options)
  return pipe(
    open(source, options),
    TE.chain((files) => (file === undefined ? firstThere(files, names) : TE.right({ files, path: file }))),
  )
}

/** The tensors of a file of weights, by name: safetensors, or what `torch.save` writes. Values are not read yet. */
export const tensorsOf = ({ files, path }: LoneFile): TE.TaskEither<FileError, ReadonlyMap<string, Entry>> =>
  path.endsWith('.safetensors') ? safetensors(files, path) : torchZip(files, path)
