/** Tiles of a product in workgroup memory: who has what. */

/**
 * `down` × `across` invocations have `rows` × `wide` vectors of four sums each, rows `down` and vectors `across` apart. There are `slices` of them, and
 * of each piece of K that is loaded, every slice takes `deep` elements.
 */
export type Shared = {
  readonly down: number
  readonly across: number
  readonly rows: number
  readonly wide: number
  readonly slices: number
  readonly deep: number
}

/** Numbers of a tile. */
export type Layout = {
  readonly invocations: number
  /** Rows of C. */
  readonly lines: number
  /** Vectors of columns of C. */
  readonly columns: number
  /** Vectors along K. */
  readonly depth: number
  /** From one row of A to the next in workgroup memory, and where B begins there, in vectors. */
  readonly stride: number
  readonly b: number
  /** Vectors of workgroup memory. */
  readonly vectors: number
}

/** The numbers of a tile. */
export const layoutOf = ({ down, across, rows, wide, slices, deep }: Shared): Layout => {
  const invocations = down * across * slices
  const [lines, columns, depth] = [down * rows, across * wide, (slices * deep) / 4]
  const stride = depth + 1
  const b = lines * stride
  // Slices are added up there too, half of them at a time.
  const added = slices === 1 ? 0 : (invocations / 2) * rows * wide
  return {
    invocations,
    lines,
    columns,
    depth,
    stride,
    b,
    vectors: Math.max(b + 4 * depth * columns, invocations, added),
  }
}
