import { either as E } from 'fp-ts'
import fc from 'fast-check'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { FileError, ProgramError } from '../../src/errors.ts'
import { clipTokenizer } from '../../src/text/clip-tokenizer.ts'
import type { TokenizerFiles } from '../../src/text/files.ts'
import { t5Tokenizer } from '../../src/text/t5-tokenizer.ts'
import { batchOf } from '../../src/text/tokenizer.ts'
import { checkTokenizers, filesOf, tokenizerIn } from '../reference/tokenizers.ts'

const data = fileURLToPath(new URL('../reference/data/tokenizers', import.meta.url))
const clip = await tokenizerIn(`${data}/clip_small`, clipTokenizer)
const t5 = await tokenizerIn(`${data}/t5`, t5Tokenizer)
const [start, end] = [998, 999]

describe('recorded prompts', () => {
  it('are reproduced', async () => {
    const checks = await checkTokenizers(data)
    expect(checks.length).toBe(6)
    expect(checks.filter((c) => !c.pass)).toEqual([])
  })
})

describe('any text', () => {
  const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string())

  it('becomes ids of the vocabulary, between the special ones', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const ids = clip.encode(text)
        expect([ids[0], ids.at(-1)]).toEqual([start, end])
        expect(t5.encode(text).at(-1)).toBe(1)
        for (const [t, all] of [[clip, ids] as const, [t5, t5.encode(text)] as const])
          expect(all.every((id) => t.tokenOf(id) !== undefined && id < t.size)).toBe(true)
      }),
    )
  })
  it('becomes a row of one length, cut or filled, with a mask of what is text', () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 2, max: 12 }), (text, length) => {
        const { ids, mask } = batchOf(clip, { length })([text])
        const all = clip.encode(text)
        const kept = Math.min(all.length, length)
        expect(ids[0]).toHaveLength(length)
        expect(mask[0]).toEqual(Array.from({ length }, (_, i) => (i < kept ? 1 : 0)))
        expect(ids[0]!.slice(0, kept)).toEqual([...all.slice(0, kept - 1), end])
        expect(ids[0]!.slice(kept).every((id) => id === clip.pad)).toBe(true)
      }),
    )
  })
  it('in small letters and with single spaces is the same text to CLIP', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom(...'abcXYZ019,.') }), { maxLength: 8 }), (words) => {
        const text = words.join('  ')
        expect(clip.encode(text)).toEqual(clip.encode(text.toLowerCase().replace(/\s+/g, ' ')))
      }),
    )
  })
  it('comes back, as words and single spaces, from ids that are not unknown', () => {
    expect(clip.decode(clip.encode('A photo,  of 12 cafés 😀'))).toBe('a photo , of 1 2 cafés 😀')
    expect(t5.decode(t5.encode(' The cat  rides'))).toBe('The cat rides')
    expect(t5.decode(t5.encode('a cat'), { special: true })).toBe('a cat</s>')
  })
})

describe('added tokens', () => {
  it('get the next ids, are found in any case, and leave the tokenizer they were added to alone', () => {
    const more = clip.withTokens(['<cat>', '<cat>_1'])
    expect([more.size, more.idOf('<cat>'), more.idOf('<cat>_1')]).toEqual([clip.size + 2, clip.size, clip.size + 1])
    expect(more.encode('x<CAT>_1 <cat>')).toEqual([start, ...clip.encode('x').slice(1, -1), 1001, 1000, end])
    expect(clip.idOf('<cat>')).toBeUndefined()
    expect(more.withTokens(['<cat>']).size).toBe(more.size)
  })
  it('of the vocabulary keep their ids', () => {
    const known = clip.withTokens(['at</w>'])
    expect([known.size, known.encode('at</w>')]).toEqual([clip.size, [start, clip.idOf('at</w>'), end]])
  })
  it('may take the white space beside them along, and stand for whole words only', async () => {
    const files = await filesOf(`${data}/clip_small`)
    const token = { content: '<x>', special: false, normalized: false, lstrip: true, rstrip: true, single_word: true }
    const config = { added_tokens_decoder: { 1000: token } }
    const t = read(clipTokenizer, { ...files, 'tokenizer_config.json': JSON.stringify(config) })
    expect(t.encode('a  <x>  b')).toEqual([start, 320, 1000, 321, end])
    expect(t.encode('a<x>b')).not.toContain(1000)
  })
})

const read = (make: typeof clipTokenizer, files: TokenizerFiles) => {
  const result = make(files)
  if (E.isLeft(result)) throw result.left
  return result.right
}

describe('the files', () => {
  const left = (make: typeof clipTokenizer, files: TokenizerFiles): FileError => {
    const result = make(files)
    if (E.isRight(result)) throw new Error('was read')
    return result.left
  }
  const unigram = (model: object) => ({ 'tokenizer.json': JSON.stringify({ model }) })
  const pair = (model: object) => ({ 'tokenizer.json': JSON.stringify({ model }) })

  it.each([
    [clipTokenizer, {}, /tokenizer\.json: is not there, nor are vocab\.json and merges\.txt/],
    [clipTokenizer, { 'tokenizer.json': '{' }, /tokenizer\.json: is no JSON/],
    [clipTokenizer, pair({ type: 'WordPiece', vocab: {} }), /no byte-pair model/],
    [clipTokenizer, pair({ end_of_word_suffix: '</w>', merges: ['a'], vocab: {} }), /merge "a", which is no pair/],
    [clipTokenizer, { 'vocab.json': '{"a": -1}', 'merges.txt': '' }, /vocab\.json: gives "a" no id/],
    [clipTokenizer, { 'vocab.json': '{"a": 1}', 'merges.txt': '' }, /names a \w+_token .* that has no id/],
    [t5Tokenizer, {}, /tokenizer\.json: is not there/],
    [t5Tokenizer, unigram({ vocab: [], merges: [] }), /no unigram model/],
    [t5Tokenizer, unigram({ vocab: [['a']], unk_id: 0 }), /a piece 0 without/],
    [t5Tokenizer, unigram({ vocab: [], unk_id: 0, byte_fallback: true }), /falls back to bytes/],
  ])('%# that are wrong are named', (make, files, message) => {
    const error = left(make, files)
    expect(error).toBeInstanceOf(FileError)
    expect(error.message).toMatch(message)
  })
  it('with a map that is cut off are refused', async () => {
    const files = await filesOf(`${data}/t5`)
    const broken = files['tokenizer.json']!.replace(/("precompiled_charsmap":")[^"]*/, '$1AAAA')
    expect(left(t5Tokenizer, { ...files, 'tokenizer.json': broken }).message).toMatch(/broken precompiled map/)
  })
  it('say with which token rows are filled', async () => {
    const files = await filesOf(`${data}/clip_small`)
    const t = read(clipTokenizer, { ...files, 'tokenizer_config.json': '{"pad_token": "!"}' })
    expect([t.pad, clip.pad, clip.maxLength, t.maxLength]).toEqual([0, end, 77, Infinity])
    expect(() => batchOf(t)(['a'])).toThrow(ProgramError)
    expect(() => t.encode('a', { maxLength: 1 })).toThrow(/no room/)
  })
})
