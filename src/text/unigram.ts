/** The unigram language model: the most likely way to cut a text into pieces. Kudo 2018, section 3.2. */

/** Pieces with the logarithms of their probabilities, in the order of their ids, and the id of what no piece covers. */
export type UnigramModel = {
  readonly pieces: readonly (readonly [piece: string, logProbability: number])[]
  readonly unknown: number
}

type Branch = { id: number; readonly next: Map<string, Branch> }

const trieOf = (pieces: UnigramModel['pieces']): Branch => {
  const root: Branch = { id: -1, next: new Map() }
  pieces.forEach(([piece], id) => {
    let at = root
    for (const c of piece) {
      const next = at.next.get(c) ?? { id: -1, next: new Map<string, Branch>() }
      at.next.set(c, next)
      at = next
    }
    at.id = id
  })
  return root
}

/** An unknown character is this much less likely than the least likely piece. */
const penalty = 10

/** The ids of the most likely pieces of a text, by Viterbi's algorithm; unknown characters in a row are one unknown piece. */
export const unigram = ({ pieces, unknown }: UnigramModel): ((text: string) => number[]) => {
  const root = trieOf(pieces)
  const unlikely = pieces.reduce((least, [, score]) => Math.min(least, score), Infinity) - penalty
  return (text) => {
    const characters = Array.from(text)
    const n = characters.length
    // For every place: the score of the best way there, where its last piece starts, and which one that is.
    const score = new Float64Array(n + 1)
    const start = new Int32Array(n + 1).fill(-1)
    const id = new Int32Array(n + 1)
    const offer = (from: number, to: number, piece: number, value: number): void => {
      const total = score[from]! + value
      if (start[to] !== -1 && total <= score[to]!) return
      score[to] = total
      start[to] = from
      id[to] = piece
    }
    for (let from = 0; from < n; from++) {
      let single = false
      let at: Branch | undefined = root
      for (let to = from; to < n; to++) {
        at = at.next.get(characters[to]!)
        if (at === undefined) break
        if (at.id < 0) continue
        offer(from, to + 1, at.id, pieces[at.id]![1])
        single ||= to === from
      }
      if (!single) offer(from, from + 1, unknown, unlikely)
    }
    const path: number[] = []
    for (let to = n; to > 0; to = start[to]!) if (id[to] !== unknown || path.at(-1) !== unknown) path.push(id[to]!)
    return path.reverse()
  }
}
