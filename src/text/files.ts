/** The files of a tokenizer, as checkpoints have them: JSON that nobody vouches for. */
import { either as E } from 'fp-ts'
import { FileError } from '../errors.ts'
import { isObject, own, parseObject } from '../params/json.ts'
import type { AddedToken } from './added-tokens.ts'
import { addedToken } from './tokenizer.ts'

/** The names of the files that say something about a tokenizer. */
export const tokenizerFiles = [
  'tokenizer.json',
  'vocab.json',
  'merges.txt',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
] as const

/** The texts of the files that are there, by name. */
export type TokenizerFiles = { readonly [K in (typeof tokenizerFiles)[number]]?: string | undefined }

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** The files that are JSON as JSON, without any fields where one is not there; merges.txt and which files there are as they were. */
export type ReadFiles = {
  readonly json: Readonly<Record<Exclude<keyof TokenizerFiles, 'merges.txt'>, Json>>
  readonly merges: string | undefined
  readonly has: (name: keyof TokenizerFiles) => boolean
}

const read = (files: TokenizerFiles): ReadFiles => {
  const json = (name: keyof TokenizerFiles): Json => {
    const text = files[name]
    if (text === undefined) return {}
    const parsed = parseObject(name, text)
    if (E.isLeft(parsed)) throw parsed.left
    return parsed.right
  }
  return {
    json: {
      'tokenizer.json': json('tokenizer.json'),
      'vocab.json': json('vocab.json'),
      'tokenizer_config.json': json('tokenizer_config.json'),
      'special_tokens_map.json': json('special_tokens_map.json'),
      'added_tokens.json': json('added_tokens.json'),
    },
    merges: files['merges.txt'],
    has: (name) => files[name] !== undefined,
  }
}

/** What files make; a `FileError` thrown on the way is the `Left`. */
export const reading = <A>(files: TokenizerFiles, make: (files: ReadFiles) => A): E.Either<FileError, A> => {
  try {
    return E.right(make(read(files)))
  } catch (error) {
    if (error instanceof FileError) return E.left(error)
    throw error
  }
}

/** A file that says what it cannot. Throws `FileError`. */
export const corrupt = (path: string, why: string): never => {
  throw new FileError(path, 'corrupt', why)
}

/** An object within an object. Throws `FileError`. */
export const objectAt = (path: string, json: Json, key: string): Json => {
  const value = own(json, key)
  return isObject(value) ? value : corrupt(path, `has no object ${key}`)
}

/** Tokens with their ids: `{ "token": id }`. Throws `FileError`. */
export const vocabularyOf = (path: string, json: Json): ReadonlyMap<string, number> =>
  new Map(
    Object.entries(json).map(([token, id]) =>
      Number.isSafeInteger(id) && (id as number) >= 0
        ? ([token, id as number] as const)
        : corrupt(path, `gives ${JSON.stringify(token).slice(0, 100)} no id`),
    ),
  )

const flag = (json: Json, key: string, otherwise: boolean): boolean => {
  const value = own(json, key)
  return typeof value === 'boolean' ? value : otherwise
}

/** A token as files describe it, by its content alone or with its properties; `special` unless it says otherwise. */
export const describedToken = (value: unknown, id: number, special: boolean): AddedToken | undefined => {
  if (typeof value === 'string') return addedToken(id, value, { special, normalized: !special })
  if (!isObject(value) || typeof own(value, 'content') !== 'string') return undefined
  return addedToken(id, own(value, 'content') as string, {
    special: flag(value, 'special', special),
    normalized: flag(value, 'normalized', !special),
    lstrip: flag(value, 'lstrip', false),
    rstrip: flag(value, 'rstrip', false),
    singleWord: flag(value, 'single_word', false),
  })
}

/** The names of the special tokens, in the order in which transformers adds them. */
export const specialNames = ['bos_token', 'eos_token', 'unk_token', 'pad_token'] as const

/** The special tokens of a tokenizer: those that its files name, or else the given ones. */
export const specialTokens = (
  { json }: ReadFiles,
  defaults: Partial<Readonly<Record<(typeof specialNames)[number], string>>>,
): ReadonlyMap<(typeof specialNames)[number], unknown> => {
  const [config, map] = [json['tokenizer_config.json'], json['special_tokens_map.json']]
  return new Map(
    specialNames.flatMap((name) => {
      const value = own(config, name) ?? own(map, name) ?? defaults[name]
      return value === undefined ? [] : [[name, value] as const]
    }),
  )
}

/** The content of a token as files describe it. */
export const contentOf = (value: unknown): string | undefined => describedToken(value, 0, true)?.content

/**
 * The added tokens of a tokenizer: those of tokenizer.json, of `added_tokens_decoder` and of added_tokens.json, later ones in place of earlier
 * ones of the same content; and the special ones, which keep what tokenizer.json says of them. Throws `FileError`.
 */
export const addedTokens = (
  { json }: ReadFiles,
  vocabulary: ReadonlyMap<string, number>,
  special: ReadonlyMap<string, unknown>,
): readonly AddedToken[] => {
  const tokens = new Map<string, AddedToken>()
  const put = (token: AddedToken | undefined): void => {
    if (token !== undefined) tokens.set(token.content, token)
  }
  const listed = own(json['tokenizer.json'], 'added_tokens')
  for (const value of Array.isArray(listed) ? listed : [])
    if (isObject(value) && Number.isSafeInteger(own(value, 'id')))
      put(describedToken(value, own(value, 'id') as number, false))
  const decoder = own(json['tokenizer_config.json'], 'added_tokens_decoder')
  for (const [id, value] of isObject(decoder) ? Object.entries(decoder) : [])
    if (/^\d+$/.test(id)) put(describedToken(value, Number(id), false))
  for (const [content, id] of vocabularyOf('added_tokens.json', json['added_tokens.json']))
    if (!tokens.has(content)) put(addedToken(id, content))
  const known = new Set(tokens.keys())
  for (const value of special.values()) {
    const content = contentOf(value)
    const id = content === undefined ? undefined : vocabulary.get(content)
    if (id !== undefined && !known.has(content!)) put(describedToken(value, id, true))
  }
  return [...tokens.values()].map((token) =>
    [...special.values()].some((value) => contentOf(value) === token.content) ? { ...token, special: true } : token,
  )
}

/** The most ids that a model takes; ∞ where the files do not say, or with a number that stands for none. */
export const lengthOf = ({ json }: ReadFiles): number => {
  const length = own(json['tokenizer_config.json'], 'model_max_length')
  return typeof length === 'number' && length > 0 && length < 1e9 ? length : Infinity
}
