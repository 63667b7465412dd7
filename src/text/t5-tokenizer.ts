/** T5's tokenizer: the unigram model of SentencePiece. */
import type { Either } from 'fp-ts/lib/Either.js'
import { FileError } from '../errors.ts'
import { isObject, own } from '../params/json.ts'
import {
  addedTokens,
  contentOf,
  corrupt,
  lengthOf,
  objectAt,
  reading,
  specialTokens,
  type Json,
  type TokenizerFiles,
} from './files.ts'
import { precompiled } from './precompiled.ts'
import { tokenizer, type Tokenizer } from './tokenizer.ts'
import { unigram, type UnigramModel } from './unigram.ts'

/** Stands for the space before a word. */
const space = '▁'

/** Words, each with its space in front, cut where another such mark is within. */
const wordsOf = (text: string): string[] =>
  text
    .split(/\p{White_Space}+/u)
    .filter((word) => word !== '')
    .flatMap((word) => (word.startsWith(space) ? word : space + word).match(/▁?[^▁]*/gu) ?? [])
    .filter((word) => word !== '')

const path = 'tokenizer.json'

const modelOf = (json: Json): UnigramModel => {
  const model = objectAt(path, json, 'model')
  const [vocab, unknown] = [own(model, 'vocab'), own(model, 'unk_id')]
  if (!Array.isArray(vocab) || !Number.isSafeInteger(unknown))
    return corrupt(path, 'has no unigram model, which T5 has')
  if (own(model, 'byte_fallback') === true)
    throw new FileError(path, 'unsupported', 'falls back to bytes, which T5 does not')
  const pieces = vocab.map((entry: unknown, i): readonly [string, number] => {
    const [piece, score] = Array.isArray(entry) ? (entry as unknown[]) : []
    return typeof piece === 'string' && typeof score === 'number'
      ? [piece, score]
      : corrupt(path, `has a piece ${i} without a text or a score`)
  })
  return { pieces, unknown: unknown as number }
}

/** The precompiled map of a normaliser, which may be one of several in a row. */
const mapOf = (normaliser: unknown): string | undefined => {
  if (!isObject(normaliser)) return undefined
  const map = own(normaliser, 'precompiled_charsmap')
  if (typeof map === 'string') return map
  const inner = own(normaliser, 'normalizers')
  return Array.isArray(inner) ? inner.map(mapOf).find((m) => m !== undefined) : undefined
}

/**
 * T5's tokenizer from its tokenizer.json, as transformers' T5Tokenizer reads it: the vocabulary, the precompiled normalisation and the added tokens;
 * how words are cut is fixed. `Left` says what is missing or corrupt. Raffel et al. 2020, section 3.1.2.
 */
export const t5Tokenizer = (texts: TokenizerFiles): Either<FileError, Tokenizer> =>
  reading(texts, (files) => {
    if (!files.has(path)) throw new FileError(path, 'missing', 'is not there')
    const json = files.json[path]
    const model = modelOf(json)
    const vocabulary = new Map(model.pieces.map(([piece], id) => [piece, id]))
    const special = specialTokens(files, { eos_token: '</s>', unk_token: '<unk>', pad_token: '<pad>' })
    const added = addedTokens(files, vocabulary, special)
    const idOf = (name: 'eos_token' | 'pad_token'): number => {
      const content = contentOf(special.get(name)) ?? ''
      return (
        added.find((t) => t.content === content)?.id ??
        corrupt('tokenizer_config.json', `names a ${name} ${JSON.stringify(content)} that has no id`)
      )
    }
    const map = mapOf(own(json, 'normalizer'))
    const encode = unigram(model)
    return tokenizer({
      vocabulary,
      added,
      normalise: map === undefined ? (text) => text : precompiled(map),
      model: (text) => wordsOf(text).flatMap(encode),
      join: (tokens) => tokens.map((token, i) => token.replaceAll(space, i === 0 ? '' : ' ')).join(''),
      before: [],
      after: [idOf('eos_token')],
      pad: idOf('pad_token'),
      maxLength: lengthOf(files),
    })
  })
