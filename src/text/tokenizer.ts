/** Texts to token ids and back, and batches of them at one length. */
import { ProgramError } from '../errors.ts'
import { splitAdded, type AddedToken } from './added-tokens.ts'

/** How one text is encoded. */
export type EncodeOptions = {
  /** At most this many ids, the special ones among them; the end of the text is cut. */
  readonly maxLength?: number
}

/** A tokenizer: an immutable value, whose functions are pure. */
export type Tokenizer = {
  /** The ids of a text between the special tokens that the model wants. */
  readonly encode: (text: string, options?: EncodeOptions) => readonly number[]
  /** Ids as text; special tokens are left out unless `special` says otherwise. */
  readonly decode: (ids: readonly number[], options?: { readonly special?: boolean }) => string
  /** The id of a token of the vocabulary or an added one. */
  readonly idOf: (token: string) => number | undefined
  /** The token of an id. */
  readonly tokenOf: (id: number) => string | undefined
  /** This tokenizer with tokens of textual inversion: each known one keeps its id, the others get the next ones. */
  readonly withTokens: (tokens: readonly string[]) => Tokenizer
  /** The number of ids, added tokens among them. */
  readonly size: number
  /** The id that fills a row. */
  readonly pad: number
  /** The most ids that the model takes, as its files say. */
  readonly maxLength: number
}

/** What makes a tokenizer. */
export type Parts = {
  readonly vocabulary: ReadonlyMap<string, number>
  readonly added: readonly AddedToken[]
  readonly normalise: (text: string) => string
  /** The ids of a stretch of normalised text without added tokens. */
  readonly model: (text: string) => readonly number[]
  /** The text of tokens in a row. */
  readonly join: (tokens: readonly string[]) => string
  /** Ids before and after every text. */
  readonly before: readonly number[]
  readonly after: readonly number[]
  readonly pad: number
  readonly maxLength: number
}

/** A token with nothing particular about it. */
export const addedToken = (id: number, content: string, options: Partial<AddedToken> = {}): AddedToken => ({
  normalized: true,
  special: false,
  lstrip: false,
  rstrip: false,
  singleWord: false,
  ...options,
  id,
  content,
})

/** A tokenizer of its parts. */
export const tokenizer = (parts: Parts): Tokenizer => {
  const { vocabulary, added, before, after } = parts
  const split = splitAdded(added, parts.normalise)
  const byContent = new Map([...vocabulary, ...added.map((t) => [t.content, t.id] as const)])
  const byId = new Map([...byContent].map(([token, id]) => [id, token]))
  const special = new Set(added.filter((t) => t.special).map((t) => t.id))
  const size = Math.max(-1, ...added.map((t) => t.id), vocabulary.size - 1) + 1
  return {
    encode: (text, { maxLength = Infinity } = {}) => {
      const room = maxLength - before.length - after.length
      if (room < 0) throw new ProgramError(`tokenizer: ${maxLength} ids leave no room for the special ones`)
      const inside = split(text).flatMap((piece) => (typeof piece === 'number' ? [piece] : parts.model(piece)))
      return [...before, ...inside.slice(0, room), ...after]
    },
    decode: (ids, { special: kept = false } = {}) =>
      parts.join(ids.filter((id) => kept || !special.has(id)).flatMap((id) => byId.get(id) ?? [])),
    idOf: (token) => byContent.get(token),
    tokenOf: (id) => byId.get(id),
    withTokens: (tokens) => {
      const fresh = [...new Set(tokens)].filter((token) => token !== '' && !added.some((t) => t.content === token))
      let next = size
      const more = fresh.map((token) => addedToken(byContent.get(token) ?? next++, token))
      return tokenizer({ ...parts, added: [...added, ...more] })
    },
    size,
    pad: parts.pad,
    maxLength: parts.maxLength,
  }
}

/** Rows of one length: ids, and a mask that is 1 for tokens and 0 for padding; [texts, length] each. */
export type Batch = { readonly ids: readonly (readonly number[])[]; readonly mask: readonly (readonly number[])[] }

/** How texts become rows of one length. */
export type BatchOptions = {
  /** The length of a row; the tokenizer's `maxLength` unless given. Longer texts are cut. */
  readonly length?: number
  /** Are rows filled up to `length`, or to the longest of the texts? */
  readonly padding?: 'length' | 'longest'
}

/** Texts as rows of one length, as transformers' `padding` and `truncation=True` give them. */
export const batchOf =
  (t: Tokenizer, { length = t.maxLength, padding = 'length' }: BatchOptions = {}) =>
  (texts: readonly string[]): Batch => {
    const rows = texts.map((text) => t.encode(text, { maxLength: length }))
    const to = padding === 'longest' ? Math.max(0, ...rows.map((row) => row.length)) : length
    if (!Number.isSafeInteger(to)) throw new ProgramError('tokenizer: its files give no length to fill rows to')
    const filled = (row: readonly number[], value: number): number[] =>
      Array.from({ length: to }, (_, i) => row[i] ?? value)
    return {
      ids: rows.map((row) => filled(row, t.pad)),
      mask: rows.map((row) =>
        filled(
          row.map(() => 1),
          0,
        ),
      ),
    }
  }
