/** Textual inversion: learned words in prompts. Gal et al. 2022, section 4. */
import { ConfigError } from '../errors.ts'
import { rowsOf, withRows, type TextualInversion, type WithTable } from '../params/embedding.ts'
import type { Tokenizer } from './tokenizer.ts'

/** What an embedding extends: a tokenizer and its text encoder, and SDXL's second ones. */
export type TextParts = {
  readonly tokenizer: Tokenizer
  readonly text_encoder: WithTable
  readonly tokenizer_2?: Tokenizer
  readonly text_encoder_2?: WithTable
}

/**
 * A tokenizer that reads `words[0]` as all of `words`: the vectors of one embedding. As diffusers does, what is replaced is the text, and
 * only where the tokenizer finds the word in it.
 */
const reading = (inner: Tokenizer, words: readonly string[]): Tokenizer => {
  const [word, ...more] = words as [string, ...string[]]
  if (more.length === 0) return inner
  const id = inner.idOf(word)!
  return {
    ...inner,
    encode: (text, options) =>
      inner.encode(inner.encode(text).includes(id) ? text.replaceAll(word, () => words.join(' ')) : text, options),
    withTokens: (tokens) => reading(inner.withTokens(tokens), words),
  }
}

type Pair<M> = { readonly tokenizer: Tokenizer; readonly encoder: M }

const extended = <M extends WithTable>(
  { tokenizer, encoder }: Pair<M>,
  token: string,
  vectors: TextualInversion['vectors'],
): Pair<M> => {
  if (vectors === undefined) return { tokenizer, encoder }
  const rows = rowsOf(token, vectors, encoder)
  const words = rows.map((_, i) => (i === 0 ? token : `${token}_${i}`))
  const taken = [...words, `${token}_1`].find((word) => tokenizer.idOf(word) !== undefined)
  if (token === '' || taken !== undefined)
    throw new ConfigError('token', taken ?? token, [], 'is a word of the tokenizer already, or none at all')
  const wider = tokenizer.withTokens(words)
  return {
    tokenizer: reading(wider, words),
    encoder: withRows(encoder, new Map(rows.map((row, i) => [wider.idOf(words[i]!)!, row]))),
  }
}

/**
 * A checkpoint that knows these words: `withEmbeddings(sd, [await orThrow(loadEmbedding('style.pt'))])`. Of `sd` the tokenizers and text
 * encoders are new, the rest is the same. A word of several vectors stands in the prompt once, and is read as `<style> <style>_1 …`. Throws
 * `ConfigError` for a word that there is already, or vectors of an encoder that there is not, and `CheckpointError` for vectors of another width.
 */
export const withEmbeddings = <P extends TextParts>(parts: P, embeddings: readonly TextualInversion[]): P =>
  embeddings.reduce((sd, { token, vectors, vectors2 }) => {
    const first = extended({ tokenizer: sd.tokenizer, encoder: sd.text_encoder }, token, vectors)
    const changed = { ...sd, tokenizer: first.tokenizer, text_encoder: first.encoder }
    if (vectors2 === undefined) return changed
    if (sd.tokenizer_2 === undefined || sd.text_encoder_2 === undefined)
      throw new ConfigError(
        'embedding',
        token,
        [],
        'has vectors of a second text encoder, which this checkpoint has not',
      )
    const second = extended({ tokenizer: sd.tokenizer_2, encoder: sd.text_encoder_2 }, token, vectors2)
    return { ...changed, tokenizer_2: second.tokenizer, text_encoder_2: second.encoder }
  }, parts)
