/** Prompts whose parts weigh more or less: `a (red:1.3) apple`. */

/** A stretch of a prompt and its weight. */
export type Weighted = { readonly text: string; readonly weight: number }

const marked = /\\([()])|\(((?:\\[()]|[^()])*):(\d+(?:\.\d*)?|\.\d+)\)/g

/**
 * The parts of a prompt, in order. `(words:w)` weighs w; everything else weighs 1, brackets without a number among it, so that a prompt
 * without weights is itself. `\(` and `\)` are brackets and nothing more.
 */
export const weightedParts = (prompt: string): readonly Weighted[] => {
  const parts: Weighted[] = []
  const plain = (text: string): void => {
    const last = parts.at(-1)
    if (text === '') return
    if (last?.weight === 1) parts[parts.length - 1] = { text: last.text + text, weight: 1 }
    else parts.push({ text, weight: 1 })
  }
  let at = 0
  for (const match of prompt.matchAll(marked)) {
    plain(prompt.slice(at, match.index))
    if (match[1] !== undefined) plain(match[1])
    else parts.push({ text: match[2]!.replace(/\\([()])/g, '$1'), weight: Number(match[3]) })
    at = match.index + match[0].length
  }
  plain(prompt.slice(at))
  return parts
}

/** Does any part weigh something else than 1? */
export const isWeighted = (parts: readonly Weighted[]): boolean => parts.some((p) => p.weight !== 1)
