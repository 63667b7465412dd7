/** Textual inversion: words whose vectors were learned, and the table that holds them. Gal et al. 2022, "An Image is Worth One Word". */
import { either as E, taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { CheckpointError, ConfigError, FileError, type LoadError } from '../errors.ts'
import { concat, fromStorage, zeros, type Tensor } from '../tensor/tensor.ts'
import { styleFile } from './embedding-pickle.ts'
import type { Entry } from './entry.ts'
import type { Files } from './files/files.ts'
import { loneFile, tensorsOf, type LoneFile, type LoneFileOptions } from './lone-file.ts'

/** A word and its learned vectors, [vectors, features] or [features], of the first text encoder and of SDXL's second. */
export type TextualInversion = { readonly token: string; readonly vectors?: Tensor; readonly vectors2?: Tensor }

/** How an embedding is read. */
export type LoadEmbeddingOptions = LoneFileOptions & {
  /** The word in prompts; what the file calls it unless given. */
  readonly token?: string
}

/** Tensors of an embedding, and the word that the file names. */
type Found = { readonly token: string | undefined; readonly vectors?: Entry; readonly vectors2?: Entry }

const usual = ['learned_embeds.safetensors', 'learned_embeds.bin']

/** One tensor, named by the word or by nobody; or SDXL's two, under the names of their encoders. */
const foundIn = (path: string, entries: ReadonlyMap<string, Entry>): E.Either<FileError, Found> => {
  const first = entries.get('clip_l') ?? entries.get('text_encoders_0')
  const second = entries.get('clip_g') ?? entries.get('text_encoders_1')
  const both = { ...(first && { vectors: first }), ...(second && { vectors2: second }) }
  if (entries.size > 0 && Object.keys(both).length === entries.size) return E.right({ token: undefined, ...both })
  const [only, ...more] = [...entries]
  if (only === undefined || more.length > 0)
    return E.left(
      new FileError(path, 'unsupported', `holds ${[...entries.keys()].join(', ') || 'nothing'}, and no one embedding`),
    )
  return E.right({ token: only[0] === 'emb_params' ? undefined : only[0], vectors: only[1] })
}

const found = (file: LoneFile): TE.TaskEither<FileError, Found> =>
  pipe(
    tensorsOf(file),
    TE.chain((entries) =>
      entries.size === 0
        ? pipe(
            styleFile(file),
            TE.map(({ name, entry }) => ({ token: name, vectors: entry })),
          )
        : TE.fromEither(foundIn(file.path, entries)),
    ),
  )

const readOf =
  (path: string) =>
  (entry: Entry | undefined): TE.TaskEither<FileError, Tensor | undefined> => {
    if (entry === undefined) return TE.right(undefined)
    if (![1, 2].includes(entry.shape.length) || entry.shape[0] === 0)
      return TE.left(new FileError(path, 'corrupt', `holds [${entry.shape.join(',')}], which are no vectors`))
    return pipe(
      entry.read,
      TE.map((data) => fromStorage(data, entry.shape, entry.dtype)),
    )
  }

/**
 * A learned word from a file, from the usual files of a folder or hub repository, or from `Files`: safetensors or .bin with one tensor,
 * named by the word or `emb_params`; SDXL's `clip_l` and `clip_g`; .pt files of the Stable Diffusion web UI. `Left` where the file is none
 * of these (`FileError`), or where neither it nor the options name the word (`ConfigError`).
 */
export const loadEmbedding = (
  source: string | Files,
  { token, ...options }: LoadEmbeddingOptions = {},
): TE.TaskEither<LoadError, TextualInversion> =>
  pipe(
    loneFile(source, usual, options),
    TE.chain((file) =>
      pipe(
        found(file),
        TE.bind('first', ({ vectors }) => readOf(file.path)(vectors)),
        TE.bind('second', ({ vectors2 }) => readOf(file.path)(vectors2)),
      ),
    ),
    TE.chainW(({ token: own, first, second }) => {
      const word = token ?? own
      if (word === undefined || word === '')
        return TE.left(new ConfigError('token', word ?? null, [], 'is not named by the file, and has to be given'))
      return TE.right({ token: word, ...(first && { vectors: first }), ...(second && { vectors2: second }) })
    }),
  )

/** A text encoder, as far as its table of vectors goes. */
export type WithTable = {
  readonly config: { readonly vocab_size: number }
  readonly params: {
    readonly text_model: { readonly embeddings: { readonly token_embedding: { readonly weight: Tensor } } }
  }
}

/** The vectors of an embedding, [n, features]. Others than the encoder's width are a `CheckpointError`. */
export const rowsOf = (token: string, vectors: Tensor, { params }: WithTable): readonly Tensor[] => {
  const width = params.text_model.embeddings.token_embedding.weight.shape[1]!
  const [count, features] = vectors.shape.length === 1 ? [1, vectors.shape[0]!] : (vectors.shape as [number, number])
  if (features !== width)
    throw new CheckpointError(token, [`f32[${vectors.shape.join(',')}], expected vectors of ${width}`])
  const rows = vectors.reshape(count, width)
  return Array.from({ length: count }, (_, i) => rows.slice(0, i, i + 1))
}

/** A text encoder with these rows [1, features] in its table: in place of those of the same ids, or after them; gaps are zeros. */
export const withRows = <M extends WithTable>(encoder: M, rows: ReadonlyMap<number, Tensor>): M => {
  const { token_embedding: table } = encoder.params.text_model.embeddings
  const [size, width] = table.weight.shape as [number, number]
  const parts: Tensor[] = []
  let at = 0
  const upTo = (end: number): void => {
    if (at < Math.min(end, size)) parts.push(table.weight.slice(0, at, Math.min(end, size)))
    if (Math.max(at, size) < end) parts.push(zeros([end - Math.max(at, size), width], table.weight.dtype))
    at = Math.max(at, end)
  }
  for (const [id, row] of [...rows].sort(([a], [b]) => a - b)) {
    upTo(id)
    parts.push(row.to(table.weight.dtype))
    at = id + 1
  }
  upTo(Math.max(at, size))
  const weight = concat(parts)
  const { params, config } = encoder
  const { text_model: model } = params
  return {
    ...encoder,
    config: { ...config, vocab_size: at },
    params: {
      ...params,
      text_model: { ...model, embeddings: { ...model.embeddings, token_embedding: { weight } } },
    },
  }
}
