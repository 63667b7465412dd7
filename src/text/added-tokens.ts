/** Tokens beside the vocabulary of a model: the special ones, and those of textual inversion. */

/** A token that is looked for in the text before anything else. */
export type AddedToken = {
  readonly id: number
  readonly content: string
  /** Is it looked for in the normalised text, in its own normalised form? Otherwise in the text as it is. */
  readonly normalized: boolean
  /** Is it left out when ids are decoded? */
  readonly special: boolean
  /** Does it take the white space before or after it along? */
  readonly lstrip: boolean
  readonly rstrip: boolean
  /** Does it stand only where no letter, digit or underscore is next to it? */
  readonly singleWord: boolean
}

/** A stretch of text that is yet to be tokenised, or the id of an added token. */
export type Piece = string | number

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

const pattern = (token: AddedToken, content: string): string =>
  (token.lstrip ? '\\p{White_Space}*' : '') +
  (token.singleWord ? '(?<![\\p{L}\\p{M}\\p{N}\\p{Pc}])' : '') +
  escaped(content) +
  (token.singleWord ? '(?![\\p{L}\\p{M}\\p{N}\\p{Pc}])' : '') +
  (token.rstrip ? '\\p{White_Space}*' : '')

/** Splits a text at the tokens in it, the leftmost first and of those the longest. */
const splitter = (tokens: readonly AddedToken[], form: (content: string) => string): ((text: string) => Piece[]) => {
  const byLength = tokens
    .map((token) => ({ token, content: form(token.content) }))
    .filter(({ content }) => content !== '')
    .sort((a, b) => b.content.length - a.content.length)
  if (byLength.length === 0) return (text) => (text === '' ? [] : [text])
  // A group a token: the one that took part says which token was found.
  const found = new RegExp(byLength.map(({ token, content }) => `(${pattern(token, content)})`).join('|'), 'gu')
  return (text) => {
    const pieces: Piece[] = []
    let end = 0
    for (const match of text.matchAll(found)) {
      if (match.index > end) pieces.push(text.slice(end, match.index))
      pieces.push(byLength[match.slice(1).findIndex((group) => group !== undefined)]!.token.id)
      end = match.index + match[0].length
    }
    if (end < text.length) pieces.push(text.slice(end))
    return pieces
  }
}

/** Splits a text at added tokens and normalises what is between them: first those of the raw text, then those of the normalised one. */
export const splitAdded = (
  tokens: readonly AddedToken[],
  normalise: (text: string) => string,
): ((text: string) => readonly Piece[]) => {
  const raw = splitter(
    tokens.filter((t) => !t.normalized),
    (content) => content,
  )
  const normal = splitter(
    tokens.filter((t) => t.normalized),
    normalise,
  )
  return (text) => raw(text).flatMap((piece) => (typeof piece === 'number' ? [piece] : normal(normalise(piece))))
}
