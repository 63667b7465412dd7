/** SentencePiece's precompiled normalisation: a trie from stretches of text to what replaces them. Kudo & Richardson 2018, section 3.2. */
import { corrupt } from './files.ts'

/**
 * The normalisation of a precompiled map in base64: the size of a double-array trie, the trie, and the replacements, each ended by a zero. As in
 * the library tokenizers, what is replaced is a grapheme of fewer than six bytes by its shortest key, or else single characters. Throws `FileError`.
 */
export const precompiled = (base64: string): ((text: string) => string) => {
  const bytes = bytesOf(base64)
  const view = new DataView(bytes.buffer)
  const size = bytes.length >= 4 ? view.getUint32(0, true) : 0
  if (size === 0 || size % 4 !== 0 || 4 + size > bytes.length) corrupt('tokenizer.json', 'has a broken precompiled map')
  const unit = (at: number): number => (at < size / 4 ? view.getUint32(4 + 4 * at, true) : 0)
  const offset = (u: number): number => ((u >>> 10) << ((u & 0x200) >>> 6)) >>> 0
  const [utf8, text] = [new TextEncoder(), new TextDecoder('utf-8', { ignoreBOM: true })]

  const replacement = (start: number): string => {
    const from = 4 + size + start
    const end = bytes.indexOf(0, from)
    return text.decode(bytes.subarray(from, end < 0 ? bytes.length : end))
  }
  const shortest = (key: Uint8Array): string | undefined => {
    let at = offset(unit(0))
    for (const byte of key) {
      if (byte === 0) return undefined
      at ^= byte
      const u = unit(at)
      if ((u & 0x800000ff) >>> 0 !== byte) return undefined
      at = (at ^ offset(u)) >>> 0
      if (((u >>> 8) & 1) === 1) return replacement(unit(at) & 0x7fffffff)
    }
    return undefined
  }

  const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
  return (whole) =>
    Array.from(graphemes.segment(whole), ({ segment }) => {
      const key = utf8.encode(segment)
      const short = key.length < 6 ? shortest(key) : undefined
      return short ?? Array.from(segment, (c) => shortest(utf8.encode(c)) ?? c).join('')
    }).join('')
}

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => {
  try {
    return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
  } catch {
    return corrupt('tokenizer.json', 'has a precompiled map that is no base64')
  }
}
