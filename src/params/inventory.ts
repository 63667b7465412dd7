/** What is in a checkpoint, from its configs and the headers of its weights. */
import { taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import type { Shape } from '../core/shape.ts'
import { FileError, type LoadError } from '../errors.ts'
import type { Files } from './files/files.ts'
import { parseObject } from './json.ts'
import { open } from './open.ts'
import { weights } from './weights.ts'

/** An object of JSON, as it was written. */
type JsonObject = Readonly<Record<string, unknown>>

/** A tensor of a checkpoint. */
export type InventoryTensor = { readonly name: string; readonly dtype: string; readonly shape: Shape }

/** A component of a checkpoint; one that has no tensors, or is not there, has no parameters. */
export type InventoryComponent = {
  readonly name: string
  readonly className: string
  /** What is remarkable: that it is not there, or in the root, or that its weights are not there. */
  readonly note?: string
  readonly config: JsonObject
  readonly tensors: readonly InventoryTensor[]
  readonly parameters: number
  readonly bytes: number
  readonly files: readonly string[]
}

/** A checkpoint's components, with totals. */
export type Inventory = {
  readonly source: string
  readonly className: string
  readonly components: readonly InventoryComponent[]
  readonly parameters: number
  readonly bytes: number
}

type Options = { readonly variant?: string; readonly revision?: string }
type Named = { readonly name: string; readonly className: string | undefined }

const within = (folder: string, file: string): string => (folder === '' ? file : `${folder}/${file}`)

const readObject = (files: Files, path: string): TE.TaskEither<FileError, JsonObject> =>
  pipe(
    files.text(path),
    TE.chainEitherK((text) => parseObject(path, text)),
  )

const classOf = (config: JsonObject): string | undefined => {
  const { _class_name: name, architectures } = config
  const found: unknown = name ?? (Array.isArray(architectures) ? architectures[0] : undefined)
  // A pipeline of one's own is named with the file it is in.
  const last: unknown = Array.isArray(found) ? found.at(-1) : found
  return typeof last === 'string' ? last : undefined
}

/** The config of a component, by what it is called; tokenizers and processors have no weights, schedulers have none either. */
const configFile = (className: string): string => {
  if (className.includes('Tokenizer')) return 'tokenizer_config.json'
  if (/FeatureExtractor|Processor/.test(className)) return 'preprocessor_config.json'
  return className.includes('Scheduler') ? 'scheduler_config.json' : 'config.json'
}

/** The components that model_index.json names: pairs of a library and a class, or of nulls. Other values are settings. */
const namedIn = (index: JsonObject): readonly Named[] =>
  Object.entries(index).flatMap(([name, value]): readonly Named[] => {
    if (name.startsWith('_') || !Array.isArray(value) || value.length !== 2) return []
    const [library, className] = value as readonly unknown[]
    if (typeof library === 'string' && typeof className === 'string') return [{ name, className }]
    return library === null && className === null ? [{ name, className: undefined }] : []
  })

const without = (name: string, className: string, note?: string, config: JsonObject = {}): InventoryComponent => ({
  name,
  className,
  ...(note === undefined ? {} : { note }),
  config,
  tensors: [],
  parameters: 0,
  bytes: 0,
  files: [],
})

const sum = (ns: readonly number[]): number => ns.reduce((a, b) => a + b, 0)
const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1)

/** A component with its weights; weights that are not there are only noted, for a component may be listed without. */
const withWeights = (
  files: Files,
  folder: string,
  component: InventoryComponent,
  { variant }: Options,
): TE.TaskEither<FileError, InventoryComponent> =>
  pipe(
    weights(files, folder, variant === undefined ? {} : { variant }),
    TE.map((found): InventoryComponent => {
      const tensors = [...found.entries].map(([name, { dtype, shape }]) => ({ name, dtype, shape }))
      return {
        ...component,
        tensors,
        parameters: sum(tensors.map((t) => sizeOf(t.shape))),
        bytes: sum([...found.entries.values()].map((e) => e.bytes)),
        files: found.files,
      }
    }),
    TE.orElse((error) =>
      error.problem === 'missing'
        ? TE.right({ ...component, note: [component.note, error.message].filter((n) => n !== undefined).join('; ') })
        : TE.left(error),
    ),
  )

/** The first of the folders that has the file and, being the root, has it for this class. */
const folderOf = (
  files: Files,
  { name, className }: Named,
  file: string,
): TE.TaskEither<FileError, { readonly folder: string; readonly config: JsonObject } | undefined> =>
  pipe(
    files.has(within(name, file)),
    TE.chain((own) =>
      own
        ? TE.right(name)
        : pipe(
            files.has(file),
            TE.map((root) => (root ? '' : undefined)),
          ),
    ),
    TE.chain((folder) =>
      folder === undefined
        ? TE.right(undefined)
        : pipe(
            readObject(files, within(folder, file)),
            TE.map((config) =>
              folder === '' && ![undefined, className].includes(classOf(config)) ? undefined : { folder, config },
            ),
          ),
    ),
  )

const componentOf =
  (files: Files, options: Options) =>
  ({ name, className }: Named): TE.TaskEither<FileError, InventoryComponent> => {
    if (className === undefined) return TE.right(without(name, 'none', 'null in model_index.json'))
    const file = configFile(className)
    return pipe(
      folderOf(files, { name, className }, file),
      TE.chain((found) => {
        if (found === undefined) return TE.right(without(name, className, `there is no ${within(name, file)}`))
        const note = found.folder === '' ? 'in the root' : undefined
        const component = without(name, className, note, found.config)
        return file === 'config.json' ? withWeights(files, found.folder, component, options) : TE.right(component)
      }),
    )
  }

const inAll = (source: string, className: string, components: readonly InventoryComponent[]): Inventory => ({
  source,
  className,
  components,
  parameters: sum(components.map((c) => c.parameters)),
  bytes: sum(components.map((c) => c.bytes)),
})

const pipelineOf = (files: Files, options: Options): TE.TaskEither<FileError, Inventory> =>
  pipe(
    readObject(files, 'model_index.json'),
    TE.chain((index) =>
      pipe(
        namedIn(index),
        TE.traverseSeqArray(componentOf(files, options)),
        TE.map((components) => inAll(files.name, classOf(index) ?? 'unknown', components)),
      ),
    ),
  )

const singleOf = (files: Files, options: Options): TE.TaskEither<FileError, Inventory> =>
  pipe(
    readObject(files, 'config.json'),
    TE.chain((config) =>
      withWeights(files, '', without('model', classOf(config) ?? 'unknown', undefined, config), options),
    ),
    TE.map((component) => inAll(files.name, component.className, [component])),
  )

/**
 * The components of a checkpoint (a folder, a hub repository's id, or any `Files`), with their configs as they are written, and their
 * tensors by name. Tensors are not read. A folder that holds a single model is a checkpoint of one component.
 */
export const inventory = (source: string | Files, options: Options = {}): TE.TaskEither<LoadError, Inventory> =>
  pipe(
    open(source, options.revision === undefined ? {} : { revision: options.revision }),
    TE.chain((files) =>
      pipe(
        files.has('model_index.json'),
        TE.chain((isPipeline) => (isPipeline ? TE.right(pipelineOf) : pipe(files.has('config.json'), TE.map(single)))),
        TE.chain((read) =>
          read === undefined
            ? TE.left(new FileError('model_index.json', 'missing', `is not in ${files.name}, nor is config.json`))
            : read(files, options),
        ),
      ),
    ),
  )

const single = (there: boolean): typeof singleOf | undefined => (there ? singleOf : undefined)
