/** Byte-pair encoding: words as the pieces that a list of merges builds. Sennrich et al. 2016; on bytes, Radford et al. 2019. */

/** Two pieces that become one; the first merges of the list come first. */
export type Merge = readonly [left: string, right: string]

/** The vocabulary and the merges of a model, the mark at the end of a word, and the id of what is not in the vocabulary. */
export type BytePairModel = {
  readonly vocabulary: ReadonlyMap<string, number>
  readonly merges: readonly Merge[]
  readonly endOfWord: string
  readonly unknown: number
}

/** Bytes as characters that can be seen: printable Latin-1 stands for itself, the others follow from U+0100 on. */
const characters: readonly string[] = (() => {
  const seen = (b: number): boolean => (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b !== 0xad)
  let next = 0x100
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(seen(b) ? b : next++))
})()
const bytes = new Map(characters.map((c, b) => [c, b]))

/** The ids of a word. */
export const bytePair = ({ vocabulary, merges, endOfWord, unknown }: BytePairModel): ((word: string) => number[]) => {
  const ranks = new Map(merges.map(([left, right], rank) => [`${left} ${right}`, rank]))
  const utf8 = new TextEncoder()
  return (word) => {
    const symbols = Array.from(utf8.encode(word), (b) => characters[b]!)
    if (symbols.length === 0) return []
    let pieces = [...symbols.slice(0, -1), symbols.at(-1)! + endOfWord]
    for (;;) {
      const rankAt = (i: number): number => ranks.get(`${pieces[i]} ${pieces[i + 1]}`) ?? Infinity
      let best = Infinity
      for (let i = 0; i + 1 < pieces.length; i++) best = Math.min(best, rankAt(i))
      if (best === Infinity) return pieces.map((piece) => vocabulary.get(piece) ?? unknown)
      const merged: string[] = []
      for (let i = 0; i < pieces.length; i++)
        if (i + 1 < pieces.length && rankAt(i) === best) merged.push(pieces[i]! + pieces[++i]!)
        else merged.push(pieces[i]!)
      pieces = merged
    }
  }
}

/** Tokens in a row as text: characters as bytes again, what is no UTF-8 as U+FFFD. */
export const joinBytes = (tokens: readonly string[]): string => {
  const utf8 = new TextEncoder()
  const all = tokens.flatMap((token) => {
    const each = Array.from(token, (c) => bytes.get(c))
    return each.includes(undefined) ? [...utf8.encode(token)] : (each as number[])
  })
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(all))
}
