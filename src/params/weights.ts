/** The weights of one model, in whichever of the files of diffusers and transformers they are. */
import { either as E, taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { FileError } from '../errors.ts'
import type { Entry } from './entry.ts'
import type { Files } from './files/files.ts'
import { isObject, parseObject } from './json.ts'
import { safetensors } from './safetensors.ts'
import { torchZip } from './torch-zip.ts'

/** The tensors of a model, and the files they are in. */
export type Weights = { readonly files: readonly string[]; readonly entries: ReadonlyMap<string, Entry> }

type Extension = 'safetensors' | 'bin'
type Candidate = { readonly path: string; readonly extension: Extension; readonly sharded: boolean }
type Reader = (files: Files, path: string) => TE.TaskEither<FileError, ReadonlyMap<string, Entry>>

const readers: Readonly<Record<Extension, Reader>> = { safetensors, bin: torchZip }
const bases = ['diffusion_pytorch_model', 'model', 'pytorch_model']
// What the hub's repositories call them; only looked for to say what is there instead.
const knownVariants = [undefined, 'fp16', 'bf16', 'fp32', 'non_ema', 'ema']

const within = (folder: string, file: string): string => (folder === '' ? file : `${folder}/${file}`)

/** Where the weights may be, the preferred place first. */
const candidates = (folder: string, variant: string | undefined): readonly Candidate[] =>
  (['safetensors', 'bin'] as const).flatMap((extension) =>
    bases.flatMap((base) => {
      const named = variant === undefined ? base : `${base}.${variant}`
      const indices =
        variant === undefined
          ? [`${base}.${extension}.index.json`]
          : [`${base}.${extension}.index.${variant}.json`, `${named}.${extension}.index.json`]
      return [
        { path: within(folder, `${named}.${extension}`), extension, sharded: false },
        ...indices.map((index) => ({ path: within(folder, index), extension, sharded: true })),
      ]
    }),
  )

const firstOf = (
  files: Files,
  [candidate, ...rest]: readonly Candidate[],
): TE.TaskEither<FileError, Candidate | undefined> =>
  candidate === undefined
    ? TE.right(undefined)
    : pipe(
        files.has(candidate.path),
        TE.chain((there) => (there ? TE.right(candidate) : firstOf(files, rest))),
      )

const listed = (names: readonly string[]): string =>
  names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ')

const shardsOf = (path: string, text: string): E.Either<FileError, ReadonlyMap<string, readonly string[]>> =>
  pipe(
    parseObject(path, text),
    E.chain(({ weight_map: map }) => {
      const entries = isObject(map) ? Object.entries(map) : []
      if (entries.length === 0 || entries.some(([, shard]) => typeof shard !== 'string'))
        return E.left(new FileError(path, 'corrupt', 'has no weight_map from tensors to files'))
      const shards = new Map<string, string[]>()
      for (const [tensor, shard] of entries as [string, string][]) {
        const tensors = shards.get(shard)
        if (tensors === undefined) shards.set(shard, [tensor])
        else tensors.push(tensor)
      }
      return E.right(shards)
    }),
  )

const missingShards = (
  files: Files,
  index: string,
  paths: readonly string[],
): TE.TaskEither<FileError, readonly string[]> =>
  pipe(
    paths,
    TE.traverseSeqArray((path) =>
      pipe(
        files.has(path),
        TE.mapLeft((e) => (e.problem === 'escapes' ? new FileError(index, 'escapes', `names ${e.message}`) : e)),
        TE.map((there) => (there ? [] : [path])),
      ),
    ),
    TE.map((all) => all.flat()),
  )

const readSharded = (
  files: Files,
  folder: string,
  { path: index, extension }: Candidate,
): TE.TaskEither<FileError, Weights> =>
  pipe(
    files.text(index),
    TE.chainEitherK((text) => shardsOf(index, text)),
    TE.chainFirst((shards) =>
      pipe(
        missingShards(
          files,
          index,
          [...shards.keys()].map((shard) => within(folder, shard)),
        ),
        TE.filterOrElse(
          (missing) => missing.length === 0,
          (missing) => new FileError(index, 'missing', `names files that are not there: ${listed(missing)}`),
        ),
      ),
    ),
    TE.chain((shards) => async () => {
      const entries = new Map<string, Entry>()
      const places = new Map<string, string>()
      const paths: string[] = []
      for (const [shard, tensors] of shards) {
        const path = within(folder, shard)
        const read = await readers[extension](files, path)()
        if (E.isLeft(read)) return read
        const absent = tensors.filter((tensor) => !read.right.has(tensor))
        if (absent.length > 0)
          return E.left(new FileError(index, 'corrupt', `names tensors that are not in ${path}: ${listed(absent)}`))
        for (const [name, entry] of read.right) {
          const other = places.get(name)
          if (other !== undefined)
            return E.left(new FileError(index, 'corrupt', `names ${other} and ${path}, which both hold ${name}`))
          places.set(name, path)
          entries.set(name, entry)
        }
        paths.push(path)
      }
      return E.right({ files: paths, entries })
    }),
  )

const notFound = (files: Files, folder: string, variant: string | undefined): TE.TaskEither<FileError, never> =>
  pipe(
    knownVariants.filter((v) => v !== variant),
    TE.traverseSeqArray((v) => firstOf(files, candidates(folder, v))),
    TE.chain((others) => {
      const there = others.flatMap((c) => (c === undefined ? [] : [c.path]))
      const looked = candidates(folder, variant).map((c) => c.path)
      return TE.left(
        new FileError(
          within(folder, '*.safetensors'),
          'missing',
          variant === undefined && there.length === 0
            ? `no weights are there; looked for ${looked.join(', ')}`
            : `there are no weights ${variant === undefined ? 'but of a variant' : `of variant ${variant}`}; ` +
                (there.length === 0 ? `looked for ${looked.join(', ')}` : `there are ${there.join(', ')}`),
        ),
      )
    }),
  )

/**
 * The weights in a folder (`''` is the root) of a checkpoint: one file or shards with an index, safetensors rather than torch's .bin,
 * under the names that diffusers and transformers give them. Headers are read, tensors are not.
 */
export const weights = (
  files: Files,
  folder: string,
  { variant }: { readonly variant?: string } = {},
): TE.TaskEither<FileError, Weights> =>
  pipe(
    firstOf(files, candidates(folder, variant)),
    TE.chain((found) => {
      if (found === undefined) return notFound(files, folder, variant)
      if (found.sharded) return readSharded(files, folder, found)
      return pipe(
        readers[found.extension](files, found.path),
        TE.map((entries) => ({ files: [found.path], entries })),
      )
    }),
  )
