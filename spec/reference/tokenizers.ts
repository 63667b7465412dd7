/** Recorded prompts: their ids, rows filled and cut to a length, masks, tokens and the text that ids become again; all of them exact. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { either as E } from 'fp-ts'
import type { FileError } from '../../src/errors.ts'
import { clipTokenizer } from '../../src/text/clip-tokenizer.ts'
import { tokenizerFiles, type TokenizerFiles } from '../../src/text/files.ts'
import { t5Tokenizer } from '../../src/text/t5-tokenizer.ts'
import { batchOf, type Tokenizer } from '../../src/text/tokenizer.ts'
import { compared, type Check } from './result.ts'

type Case = {
  readonly text: string
  readonly ids?: readonly number[]
  readonly tokens?: readonly string[]
  readonly decoded?: string
} & { readonly [K in `${'padded' | 'mask'}${32 | 77}`]?: readonly number[] }
type Recording = { readonly cases: readonly Case[]; readonly added?: readonly string[]; readonly pad_token?: string }

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** The files of a tokenizer's folder. */
export const filesOf = async (folder: string): Promise<TokenizerFiles> => {
  const there = tokenizerFiles.filter((name) => existsSync(join(folder, name)))
  const texts = await Promise.all(there.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const))
  return Object.fromEntries(texts)
}

/** A tokenizer from its folder. */
export const tokenizerIn = async (
  folder: string,
  read: (files: TokenizerFiles) => E.Either<FileError, Tokenizer>,
  change: (files: TokenizerFiles) => TokenizerFiles = (files) => files,
): Promise<Tokenizer> => {
  const result = read(change(await filesOf(folder)))
  if (E.isLeft(result)) throw result.left
  return result.right
}

/** What is wrong with one prompt. */
const wrong = (t: Tokenizer, c: Case): string[] => {
  const checks: [string, unknown, unknown][] = []
  if (c.ids !== undefined) checks.push(['ids', t.encode(c.text), c.ids])
  for (const length of [32, 77] as const) {
    const { ids, mask } = batchOf(t, { length })([c.text])
    if (c[`padded${length}`] !== undefined) checks.push([`padded${length}`, ids[0], c[`padded${length}`]])
    if (c[`mask${length}`] !== undefined) checks.push([`mask${length}`, mask[0], c[`mask${length}`]])
  }
  if (c.ids !== undefined && c.decoded !== undefined) checks.push(['decoded', t.decode(c.ids), c.decoded])
  // Of an unknown piece transformers lists the text; the tokens of added ones are listed without those around them.
  if (c.ids !== undefined && c.tokens !== undefined && c.tokens.length === c.ids.length)
    checks.push(['tokens', c.tokens.map((token, i) => (t.idOf(token) === undefined ? token : t.tokenOf(c.ids![i]!))), c.tokens])
  return checks.flatMap(([what, got, want]) => (same(got, want) ? [] : [`${what} of ${JSON.stringify(c.text.slice(0, 60))}`]))
}

const one = (name: string, t: Tokenizer, cases: readonly Case[]): Check => {
  const faults = cases.flatMap((c) => wrong(t, c))
  const check = compared(`tokenizers/${name}, ${cases.length} prompts`, faults.length, 0)
  return faults.length === 0 ? check : { ...check, why: faults.slice(0, 5).join('; ') }
}

const withPad =
  (pad: string) =>
  (files: TokenizerFiles): TokenizerFiles => ({
    ...files,
    'tokenizer_config.json': JSON.stringify({ ...(JSON.parse(files['tokenizer_config.json'] ?? '{}') as object), pad_token: pad }),
  })

/** Every recorded prompt of a directory laid out like reference/open/tokenizers. */
export const checkTokenizers = async (dir: string): Promise<readonly Check[]> => {
  const read = async <A>(name: string): Promise<A | undefined> =>
    existsSync(join(dir, name)) ? (JSON.parse(await readFile(join(dir, name), 'utf8')) as A) : undefined
  const checks: Check[] = []
  const [ids, exclamation, added, small, t5] = await Promise.all(
    ['clip_ids', 'clip_ids_pad_exclamation', 'clip_added_tokens', 'clip_small_ids', 't5_ids'].map((n) => read<Recording>(`${n}.json`)),
  )
  const batch = await read<{ texts: string[]; input_ids: number[][]; attention_mask: number[][] }>('clip_batch_longest.json')
  if (existsSync(join(dir, 'clip'))) {
    const clip = await tokenizerIn(join(dir, 'clip'), clipTokenizer)
    if (ids !== undefined) checks.push(one('clip', clip, ids.cases))
    if (added !== undefined) checks.push(one('clip with added tokens', clip.withTokens(added.added ?? []), added.cases))
    if (exclamation?.pad_token !== undefined) {
      const other = await tokenizerIn(join(dir, 'clip'), clipTokenizer, withPad(exclamation.pad_token))
      checks.push(one(`clip filled with ${exclamation.pad_token}`, other, exclamation.cases))
    }
    if (batch !== undefined) {
      const rows = batchOf(clip, { padding: 'longest' })(batch.texts)
      const pass = same(rows, { ids: batch.input_ids, mask: batch.attention_mask })
      checks.push(compared('tokenizers/clip filled to the longest', pass ? 0 : 1, 0))
    }
  }
  for (const folder of ['clip_small', 'clip_small_tokenizer_json'])
    if (small !== undefined && existsSync(join(dir, folder)))
      checks.push(one(folder, await tokenizerIn(join(dir, folder), clipTokenizer), small.cases))
  if (t5 !== undefined) checks.push(one('t5', await tokenizerIn(join(dir, 't5'), t5Tokenizer), t5.cases))
  return checks
}
