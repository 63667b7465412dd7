/** The transforms of Winograd's F(2 × 2, 3 × 3) and F(4 × 4, 3 × 3), over whatever adds and multiplies. Lavin & Gray 2015, section 4. */

/** What a code generator adds and multiplies: numbers, texts, instructions. */
export type Algebra<X> = {
  readonly add: (x: X, y: X) => X
  readonly sub: (x: X, y: X) => X
  readonly times: (k: number, x: X) => X
}

/** Transforms of one dimension. */
export type Transforms<X> = {
  /** Bᵀ d, of m + 2 elements of a tile. */
  readonly input: (d: readonly X[]) => readonly X[]
  /** Aᵀ m, to m elements of the result. */
  readonly output: (m: readonly X[]) => readonly X[]
  /** G g, of 3 weights. */
  readonly weight: (g: readonly X[]) => readonly X[]
}

// The rows of G.
const weights: Readonly<Record<2 | 4, readonly (readonly [number, number, number])[]>> = {
  2: [
    [1, 0, 0],
    [0.5, 0.5, 0.5],
    [0.5, -0.5, 0.5],
    [0, 0, 1],
  ],
  4: [
    [1 / 4, 0, 0],
    [-1 / 6, -1 / 6, -1 / 6],
    [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6],
    [1 / 24, -1 / 12, 1 / 6],
    [0, 0, 1],
  ],
}

/** The transforms of F(m × m, 3 × 3). */
export const transformsOf = <X>(m: 2 | 4, { add, sub, times }: Algebra<X>): Transforms<X> => {
  const weight = (g: readonly X[]): readonly X[] =>
    weights[m].map((row) =>
      row.flatMap((k, i) => (k === 0 ? [] : [k === 1 ? g[i]! : times(k, g[i]!)])).reduce((x, y) => add(x, y)),
    )
  if (m === 2)
    return {
      input: ([a, b, c, d]) => [sub(a!, c!), add(b!, c!), sub(c!, b!), sub(b!, d!)],
      output: ([a, b, c, d]) => [add(add(a!, b!), c!), sub(sub(b!, c!), d!)],
      weight,
    }
  return {
    input: (d) => {
      const [a, b] = [sub(d[4]!, times(4, d[2]!)), sub(d[3]!, times(4, d[1]!))]
      const [e, f] = [sub(d[4]!, d[2]!), times(2, sub(d[3]!, d[1]!))]
      const first = add(sub(times(4, d[0]!), times(5, d[2]!)), d[4]!)
      const last = add(sub(times(4, d[1]!), times(5, d[3]!)), d[5]!)
      return [first, add(a, b), sub(a, b), add(e, f), sub(e, f), last]
    },
    output: (x) => {
      const [p, q] = [add(x[1]!, x[2]!), sub(x[1]!, x[2]!)]
      const [r, u] = [add(x[3]!, x[4]!), sub(x[3]!, x[4]!)]
      return [add(add(x[0]!, p), r), add(q, times(2, u)), add(p, times(4, r)), add(add(q, times(8, u)), x[5]!)]
    },
    weight,
  }
}

/** A transform of both dimensions: of every column, then of every row. Tiles are row-major lists of rows. */
export const both =
  <X>(one: (xs: readonly X[]) => readonly X[]) =>
  (tile: readonly (readonly X[])[]): readonly (readonly X[])[] => {
    const columns = tile[0]!.map((_, j) => one(tile.map((row) => row[j]!)))
    return columns[0]!.map((_, i) => one(columns.map((c) => c[i]!)))
  }
