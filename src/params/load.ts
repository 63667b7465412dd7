/** Checkpoints in the layout of Hugging Face diffusers, as typed records. */
import { either as E, taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { decodeConfig } from '../core/config.ts'
import { CheckpointError, ConfigError, FileError, type LoadError } from '../errors.ts'
import { fromStorage, type Tensor } from '../tensor/tensor.ts'
import type { Architecture, Model } from './architecture.ts'
import { decodeParams, differences, expectedOf } from './codec.ts'
import type { Files } from './files/files.ts'
import type { Entry } from './entry.ts'
import { parseObject } from './json.ts'
import { open } from './open.ts'
import { weights } from './weights.ts'

/** What loading noticed and could do without: config keys unknown to us, unexpected tensors, components not asked for. */
export type Notes = readonly string[]

/** How a checkpoint is read. */
export type LoadOptions = {
  /** The variant of the weights, such as `fp16`. */
  readonly variant?: string
  /** A branch, tag or commit of a hub repository; `main` unless given. */
  readonly revision?: string
  /** Told what was noticed. */
  readonly onNotes?: (notes: Notes) => void
  /** Told how much has been read. */
  readonly onProgress?: (progress: {
    readonly component: string
    readonly done: number
    readonly total: number
  }) => void
}

type Loaded<A> = { readonly value: A; readonly notes: Notes }
type Context = LoadOptions & { readonly files: Files; readonly name: string }

/** One component of a pipeline: how it is read from its folder. */
export type Component<A> = { readonly read: (context: Context) => TE.TaskEither<LoadError, Loaded<A>> }

/** The components of a pipeline, by their names in model_index.json. */
export type Pipeline<A> = { readonly [K in keyof A]: Component<A[K]> }

type Json = Readonly<Record<string, unknown>>

const json = (files: Files, path: string): TE.TaskEither<FileError, Json> =>
  pipe(
    files.text(path),
    TE.chainEitherK((text) => parseObject(path, text)),
  )

const within = (folder: string, file: string): string => (folder === '' ? file : `${folder}/${file}`)

/** The folder of a component: its own, or the root, where the first pipelines of the hub have everything. */
const folderOf = ({ files, name }: Context, file: string): TE.TaskEither<FileError, string> =>
  pipe(
    files.has(within(name, file)),
    TE.chain((own) =>
      own
        ? TE.right(name)
        : pipe(
            files.has(file),
            TE.chain((root) => (root ? TE.right('') : missing(name, file))),
          ),
    ),
  )

const missing = (name: string, file: string): TE.TaskEither<FileError, never> =>
  TE.left(new FileError(within(name, file), 'missing', `is not there, nor is ${file} in the root`))

const classOf = (raw: Json): unknown => raw['_class_name'] ?? (raw['architectures'] as unknown[] | undefined)?.[0]

/** Problems say `name: what`; a tensor that the checkpoint has under an old name is to be found there under that. */
const underOldNames = (stored: Iterable<string>, rename: (name: string) => string): ((problem: string) => string) => {
  const old = new Map([...stored].flatMap((name) => (rename(name) === name ? [] : [[rename(name), name] as const])))
  return (problem) => problem.replace(/^[^:]+/, (name) => old.get(name) ?? name)
}

/** A component that is a model: config.json and weights. */
export const model = <C, P>(architecture: Architecture<C, P>): Component<Model<C, P>> => ({
  read: (context) =>
    pipe(
      TE.Do,
      TE.bind('folder', () => folderOf(context, 'config.json')),
      TE.bindW('raw', ({ folder }) => json(context.files, within(folder, 'config.json'))),
      TE.bindW('decoded', ({ raw, folder }) =>
        TE.fromEither(
          pipe(
            decodeConfig(architecture.config, raw),
            E.mapLeft((e) => e.at(within(folder, 'config.json'))),
            E.filterOrElseW(
              (d) => [undefined, architecture.className].includes(classOf(d.raw) as string | undefined),
              (d) =>
                new ConfigError(`${within(folder, 'config.json')}: _class_name`, classOf(d.raw), [
                  architecture.className,
                ]),
            ),
          ),
        ),
      ),
      TE.bindW('found', ({ folder }) =>
        weights(context.files, folder, context.variant === undefined ? {} : { variant: context.variant }),
      ),
      TE.chainW(({ decoded, found }) => {
        const codec = architecture.params(decoded.config)
        const entries = new Map([...found.entries].map(([name, entry]) => [architecture.rename(name), entry]))
        const { wrong, unexpected } = differences(codec, entries)
        if (wrong.length > 0) {
          const problems = [...wrong, ...unexpected].map(underOldNames(found.entries.keys(), architecture.rename))
          return TE.left<LoadError, Loaded<Model<C, P>>>(new CheckpointError(context.name, problems))
        }
        const wanted = [...expectedOf(codec).keys()].map((name) => [name, entries.get(name)!] as const)
        return pipe(
          readAll(context, wanted),
          TE.chainEitherKW((tensors) => decodeParams(context.name, codec, tensors)),
          TE.map((params) => ({
            value: { config: decoded.config, params },
            notes: [
              ...decoded.unknown.map((k) => `${context.name}: config key ${k} is not known and was not used`),
              ...unexpected.map((u) => `${context.name}: ${u}`),
            ],
          })),
        )
      }),
    ),
})

const readAll =
  (
    context: Context,
    wanted: readonly (readonly [string, Entry])[],
  ): TE.TaskEither<FileError, ReadonlyMap<string, Tensor>> =>
  async () => {
    const tensors = new Map<string, Tensor>()
    for (const [name, entry] of wanted) {
      const data = await entry.read()
      if (E.isLeft(data)) return data
      tensors.set(name, fromStorage(data.right, entry.shape, entry.dtype, name))
      context.onProgress?.({ component: context.name, done: tensors.size, total: wanted.length })
    }
    return E.right(tensors)
  }

/** A component that is a config alone, such as a scheduler's. */
export const config = <A>(file: string, decode: (raw: unknown) => E.Either<ConfigError, Loaded<A>>): Component<A> => ({
  read: (context) =>
    pipe(
      folderOf(context, file),
      TE.chain((folder) =>
        pipe(
          json(context.files, within(folder, file)),
          TE.chainEitherKW((raw) =>
            pipe(
              decode(raw),
              E.mapLeft((e) => e.at(within(folder, file))),
            ),
          ),
        ),
      ),
      TE.map(({ value, notes }) => ({ value, notes: notes.map((n) => `${context.name}: ${n}`) })),
    ),
})

// An absent part is listed as [null, null].
const isPart = (entry: unknown): boolean => Array.isArray(entry) && entry[0] !== null

/**
 * `await orThrow(load(DDPM, 'models/ddpm-emoji-cat-64'))`: the components of a pipeline from a folder, from a hub repository id
 * (`org/name`, kept in the hub's own cache), or from any `Files`. `Left` says what is wrong and where: `FileError` (missing, corrupt,
 * network …), `ConfigError` (a field and its allowed values), `CheckpointError` (tensors, by name).
 */
export const load = <A>(
  pipeline: Pipeline<A>,
  source: string | Files,
  options: LoadOptions = {},
): TE.TaskEither<LoadError, A> =>
  pipe(
    open(source, options),
    TE.bindTo('files'),
    TE.bindW('index', ({ files }) => json(files, 'model_index.json')),
    TE.chainW(({ files, index }) => async (): Promise<E.Either<LoadError, A>> => {
      const parts: Record<string, unknown> = {}
      const others = Object.keys(index).filter(
        (k) => !k.startsWith('_') && isPart(index[k]) && !Object.hasOwn(pipeline as object, k),
      )
      const notes: string[] = others.map((k) => `${k}: named in model_index.json, not used`)
      for (const [name, component] of Object.entries(pipeline) as [string, Component<unknown>][]) {
        const loaded = await component.read({ ...options, files, name })()
        if (E.isLeft(loaded)) return loaded
        parts[name] = loaded.right.value
        notes.push(...loaded.right.notes)
      }
      if (notes.length > 0) options.onNotes?.(notes)
      return E.right(parts as A)
    }),
  )

/** One model by itself, such as a ControlNet: from a folder or a repository with its config in the root or in `subfolder`. */
export const loadModel = <C, P>(
  architecture: Architecture<C, P>,
  source: string | Files,
  { subfolder = architecture.className, ...options }: LoadOptions & { readonly subfolder?: string } = {},
): TE.TaskEither<LoadError, Model<C, P>> =>
  pipe(
    open(source, options),
    TE.chainW((files) => model(architecture).read({ ...options, files, name: subfolder })),
    TE.map(({ value, notes }) => {
      if (notes.length > 0) options.onNotes?.(notes)
      return value
    }),
  )

/** The one door from `TaskEither` to `await`: a `Left` is thrown. */
export const orThrow = async <E extends Error, A>(task: TE.TaskEither<E, A>): Promise<A> => {
  const result = await task()
  if (E.isLeft(result)) throw result.left
  return result.right
}
