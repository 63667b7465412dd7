/** CLIP's tokenizer: byte-pair encoding of lower-case words. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { FileError } from '../errors.ts'
import { own } from '../params/json.ts'
import { bytePair, joinBytes, type Merge } from './byte-pair.ts'
import {
  addedTokens,
  contentOf,
  corrupt,
  lengthOf,
  objectAt,
  reading,
  specialTokens,
  vocabularyOf,
  type Json,
  type ReadFiles,
  type TokenizerFiles,
} from './files.ts'
import { tokenizer, type Tokenizer } from './tokenizer.ts'

/** White space at either end, as Python strips it. */
const outside = /^[\p{White_Space}\x1c-\x1f]+|[\p{White_Space}\x1c-\x1f]+$/gu

/** Composed characters, single spaces and small letters, each letter by itself: a sigma at the end of a word is like any other. */
const normalise = (text: string): string =>
  Array.from(text.normalize('NFC').replace(/\p{White_Space}+/gu, ' '), (c) => c.toLowerCase()).join('')

const words = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu
const wordsAndMarks = new RegExp(`<\\|startoftext\\|>|<\\|endoftext\\|>|${words.source}`, 'gu')

/** The words of a text. A mark in it that is no token after all ends the word before it, and is then made of words itself. */
const wordsOf = (text: string): string[] => (text.match(wordsAndMarks) ?? []).flatMap((word) => word.match(words) ?? [])

const mergeOf = (path: string, value: unknown): Merge => {
  const [left, right, ...more] = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : []
  return typeof left === 'string' && typeof right === 'string' && more.length === 0
    ? [left, right]
    : corrupt(path, `has a merge ${JSON.stringify(value).slice(0, 100)}, which is no pair`)
}

type Model = { readonly vocabulary: ReadonlyMap<string, number>; readonly merges: readonly Merge[] }

const ofJson = (json: Json): Model => {
  const path = 'tokenizer.json'
  const model = objectAt(path, json, 'model')
  const merges = own(model, 'merges')
  if (!Array.isArray(merges) || own(model, 'end_of_word_suffix') !== '</w>')
    return corrupt(path, 'has no byte-pair model whose words end in </w>, which CLIP has')
  return {
    vocabulary: vocabularyOf(path, objectAt(path, model, 'vocab')),
    merges: merges.map((m) => mergeOf(path, m)),
  }
}

const ofLists = ({ json, merges, has }: ReadFiles): Model => {
  if (!has('vocab.json') || merges === undefined)
    return corrupt('tokenizer.json', 'is not there, nor are vocab.json and merges.txt')
  const lines = merges.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version'))
  return {
    vocabulary: vocabularyOf('vocab.json', json['vocab.json']),
    merges: lines.map((line) => mergeOf('merges.txt', line)),
  }
}

/**
 * CLIP's tokenizer from its files, tokenizer.json or vocab.json with merges.txt, as transformers' CLIPTokenizer reads them. `Left` names the file
 * that is missing or corrupt. Radford et al. 2021, section 2.4.
 */
export const clipTokenizer = (texts: TokenizerFiles): Either<FileError, Tokenizer> =>
  reading(texts, (files) => {
    const { vocabulary, merges } = files.has('tokenizer.json') ? ofJson(files.json['tokenizer.json']) : ofLists(files)
    const end = '<|endoftext|>'
    const special = specialTokens(files, {
      bos_token: '<|startoftext|>',
      eos_token: end,
      unk_token: end,
      pad_token: end,
    })
    const idOf = (name: 'bos_token' | 'eos_token' | 'unk_token' | 'pad_token'): number => {
      const content = contentOf(special.get(name)) ?? ''
      return (
        vocabulary.get(content) ??
        added.find((t) => t.content === content)?.id ??
        corrupt('tokenizer_config.json', `names a ${name} ${JSON.stringify(content)} that has no id`)
      )
    }
    const added = addedTokens(files, vocabulary, special)
    const encode = bytePair({ vocabulary, merges, endOfWord: '</w>', unknown: idOf('unk_token') })
    return tokenizer({
      vocabulary,
      added,
      normalise,
      model: (text) => wordsOf(text).flatMap(encode),
      join: (tokens) => joinBytes(tokens).replaceAll('</w>', ' ').replace(outside, ''),
      before: [idOf('bos_token')],
      after: [idOf('eos_token')],
      pad: idOf('pad_token'),
      maxLength: lengthOf(files),
    })
  })
