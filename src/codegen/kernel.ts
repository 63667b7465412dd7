/**
 * Kernels as data: what one dispatch computes, in terms of operands it is given addresses of. A kernel names no buffer, so that equal work
 * on other buffers is the same kernel, and is compiled once. Indices of an iteration space are mapped to elements by strides: views,
 * transpositions and broadcasts of the graph have become those.
 */
import type { ReduceOp } from '../core/ops.ts'
import type { Node } from '../graph/node.ts'
import { subexpressions, type Element, type Expr, type Load, type Store } from './expr.ts'

export * from './expr.ts'

/**
 * An expression at every index of `dims`. `also` are further results over the same indices, for targets that take several: results are the
 * first operands, in order, and all values are read before any is written at that index. Panels may be stored as 16-bit floats on targets
 * that keep those: then the last axis lies side by side and has an even extent, as have all offsets and other strides.
 */
export type MapKernel = {
  readonly _tag: 'Map'
  readonly dims: readonly number[]
  readonly value: Expr
  readonly out: Store
  readonly also?: readonly { readonly value: Expr; readonly out: Store }[]
}

/** A fold over the axes `folded`, for every index of `dims`; expressions are over [...dims, ...folded]. */
export type ReduceKernel = {
  readonly _tag: 'Reduce'
  readonly op: ReduceOp
  readonly dims: readonly number[]
  readonly folded: readonly number[]
  readonly value: Expr
  readonly out: Store
}

/**
 * A whole normalisation, slab by slab: for every index of `dims`, the slab of `value` over `folded` is brought to mean 0 (if `centred`) and
 * mean square 1 (with `eps` under the root), and `then` is stored at every index of it. Expressions are over [...dims, ...folded]; in `then`
 * a load of operand 0 stands for (x − mean) · rstd, whatever its strides. One slab is one workgroup or one part. Means are of what is
 * centred near 0, or taken in two passes: no cancellation where the mean is large.
 */
export type NormaliseKernel = {
  readonly _tag: 'Normalise'
  readonly dims: readonly number[]
  readonly folded: readonly number[]
  readonly value: Expr
  readonly centred: boolean
  readonly eps: number
  readonly then: Expr
  readonly out: Store
}

/**
 * What a group normalisation comes down to for every channel: x · scale + shift with scale = gain · rstd, shift = bias − mean · scale. The first
 * axis of `folded` is the channels of a group. The result is [2, ...dims, channels]: scales, then shifts. `gain` and `bias` are over
 * [...dims, channels].
 */
export type MomentsKernel = {
  readonly _tag: 'Moments'
  readonly dims: readonly number[]
  readonly folded: readonly number[]
  readonly value: Expr
  readonly eps: number
  readonly gain: Expr
  readonly bias: Expr
  readonly out: { readonly operand: number }
}

/** A run of K whose elements of A lie side by side, and how far it is from its end to the next run, in elements. */
export type Segment = { readonly length: number; readonly jump: number }

/** Where rows begin: strides of the batch indices and of the row indices, in elements. */
export type Rows = { readonly offset: number; readonly batch: readonly number[]; readonly rows: readonly number[] }

/**
 * Rows of A that are windows of an image with borders that are not in memory. The product's rows are then [pictures, height, width] of the
 * result, K is (ky, kx, channel), and A's element there is, with y = stride₀ · row + dilation₀ · ky − before₀ and x likewise,
 *
 *     0 ≤ y < extent₀ and 0 ≤ x < extent₁
 *       ? image[offset + rows₀ · picture + strides₀ · ⌊y / magnify₀⌋ + strides₁ · ⌊x / magnify₁⌋ + strides₂ · channel] : 0
 *
 * Channels mostly lie side by side (strides₂ = 1). `extent` is that of the image after it has been magnified by the nearest pixel. Of the term's row strides only
 * the first counts. Only for targets whose borders are implicit.
 */
export type Window = {
  readonly kernel: readonly [number, number]
  readonly channels: number
  readonly stride: readonly [number, number]
  readonly dilation: readonly [number, number]
  readonly before: readonly [number, number]
  readonly extent: readonly [number, number]
  readonly magnify: readonly [number, number]
  readonly strides: readonly [number, number, number]
}

/**
 * One A of a product, an operand of float32. Its K elements meet the next so many rows of B. `norm`: every row is first brought to mean 0 (if
 * `centred`) and mean square 1 over its K elements, as in `NormaliseKernel`.
 */
export type Term = {
  readonly operand: number
  readonly a: Rows
  readonly segments: readonly Segment[]
  readonly window?: Window
  readonly norm?: { readonly centred: boolean; readonly eps: number }
}

/**
 * C = Σ Aᵢ · Bᵢ with the Bs on top of each other as panels: for every panel of `width` columns, K rows of `width`, K being that of all terms in
 * order; zeros after column n. Rows of A and C are indices of `rows`, mapped by strides; the last of them is the one that a tile of rows
 * runs along. Rows of A need not be apart: those of a convolution overlap. Operand 0 is the result, operand 1 is B; an operand is never
 * there twice: what two terms or the epilogue read from one buffer is one operand.
 */
export type GemmKernel = {
  readonly _tag: 'Gemm'
  /** Batch extents; A and B may repeat along them. */
  readonly batch: readonly number[]
  readonly rows: readonly number[]
  readonly n: number
  readonly width: number
  readonly terms: readonly Term[]
  /** B: how its elements are kept, and its batch strides, in elements. 16 bits only on targets that keep those. */
  readonly b: { readonly element: Element; readonly batch: readonly number[] }
  /** C without an epilogue; with one, the product as the epilogue reads it: dense, in the order of batch, rows and columns. */
  readonly c: Rows
  /**
   * What is done to finished rows of the product before they are stored: a map over [...rows, columns], rows in the order of batch and rows but
   * perhaps split otherwise. Operands are those of the kernel; a load of operand 0 stands for the product, row by row. On targets that pair
   * columns, the map may have n / 2 of them: then loads of the product have 2 as their last stride, and are column 2 j or (offset 1) 2 j + 1.
   * `out` lies as the product does, unless the target stores epilogues anywhere.
   */
  readonly epilogue: MapKernel | undefined
}

/** The weights of a 3 × 3 convolution, [O, C, 3, 3] by strides, as the panels of F(m × m, 3 × 3): [(m + 2)², panel, C, width]. Lavin 2015. */
export type WinogradWeightKernel = {
  readonly _tag: 'WinogradWeight'
  readonly size: 2 | 4
  readonly n: number
  readonly depth: number
  readonly width: number
  readonly w: Load
}

/** Overlapping tiles of an image with its borders, channels last: [(m + 2)², tiles, C], `plane` elements between positions. */
export type WinogradInputKernel = {
  readonly _tag: 'WinogradInput'
  readonly size: 2 | 4
  readonly batch: number
  readonly tiles: readonly [number, number]
  readonly channels: number
  /** Of the image: offset and strides of pictures, rows and pixels. */
  readonly x: { readonly offset: number; readonly strides: readonly [number, number, number] }
  readonly plane: number
}

/** Products at every position as m × m pixels of each tile: the image [N, m · tiles, m · tiles, C]. The products are used up. */
export type WinogradOutputKernel = {
  readonly _tag: 'WinogradOutput'
  readonly size: 2 | 4
  readonly batch: number
  readonly tiles: readonly [number, number]
  readonly channels: number
  readonly plane: number
  readonly epilogue: MapKernel | undefined
}

/** A matrix for every index of a batch, by strides. */
export type Matrices = {
  readonly operand: number
  readonly offset: number
  readonly batch: readonly number[]
  readonly row: number
  readonly column: number
}

/**
 * softmax(scale · q kᵀ + mask) v in one pass over the keys, all of float32 where it lies: queries [...batch, rows, depth], keys
 * [...batch, keys, depth], values [...batch, keys, features], the result [...batch, rows, features] as operand 0. Columns mostly lie side by side.
 * The mask is over [...batch, rows, keys]. Several of them may be parts of one operand.
 *
 * `project`: the queries are not in memory, but products: q = norm(x) · W with x [...batch, rows, inner] (repeated along heads) and W
 * [...batch, inner, depth] (repeated along pictures), rows of x normalised as in `Term`; `q` is then x, with depth columns of W.
 */
export type PlainAttentionKernel = {
  readonly _tag: 'PlainAttention'
  readonly batch: readonly number[]
  readonly rows: number
  readonly keys: number
  readonly depth: number
  readonly features: number
  readonly scale: number
  readonly q: Matrices
  readonly k: Matrices
  readonly v: Matrices
  readonly out: Matrices
  readonly mask: Load | undefined
  readonly project?: {
    readonly inner: number
    readonly w: Matrices
    /** Added to every query: [...batch, depth], its row stride unused. */
    readonly bias?: Matrices
    readonly norm?: { readonly centred: boolean; readonly eps: number }
  }
}

/**
 * Rows of so many numbers in ascending order, side by side: operand 1 as operand 0. NaN is of rank 0 by definition, and leaves zeros at the end.
 */
export type SortKernel = {
  readonly _tag: 'Sort'
  readonly rows: number
  readonly length: number
  readonly element: 'f32' | 'i32' | 'u32'
}

/** Any kernel. */
export type Kernel =
  | SortKernel
  | PlainAttentionKernel
  | MapKernel
  | ReduceKernel
  | NormaliseKernel
  | MomentsKernel
  | GemmKernel
  | WinogradWeightKernel
  | WinogradInputKernel
  | WinogradOutputKernel

/** One use of a kernel: its operands, by number of a program's buffers. The first `resultsOf` of them are written. */
export type Dispatch = {
  readonly kernel: Kernel
  readonly operands: readonly number[]
  /** What it does, for listings, profilers and messages. */
  readonly label: string
  /** Nodes of the graph that it is, apart from those whose arithmetic is in its expressions (`origin`). */
  readonly nodes?: readonly Node[]
}

/** How many of a kernel's operands are written: the first so many. */
export const resultsOf = (k: Kernel): number => (k._tag === 'Map' ? 1 + (k.also?.length ?? 0) : 1)

/** The name of a kernel's kind. */
export const kindOf = (k: Kernel): string => (k._tag === 'PlainAttention' ? 'attention' : k._tag.toLowerCase())

const keys = new WeakMap<Kernel, string>()

/** The expressions in a kernel. */
export const expressionsOf = (k: Kernel): readonly Expr[] => {
  switch (k._tag) {
    case 'Map':
      return [k.value, ...(k.also ?? []).map((a) => a.value)]
    case 'Reduce':
      return [k.value]
    case 'Normalise':
      return [k.value, k.then]
    case 'Moments':
      return [k.value, k.gain, k.bias]
    case 'Gemm':
    case 'WinogradOutput':
      return k.epilogue === undefined ? [] : expressionsOf(k.epilogue)
    case 'WinogradWeight':
      return [k.w]
    case 'PlainAttention':
      return k.mask === undefined ? [] : [k.mask]
    case 'WinogradInput':
    case 'Sort':
      return []
  }
}

/** How long a product's K is, over all its terms. */
export const depthOf = (k: GemmKernel): number =>
  k.terms.reduce((sum, t) => sum + t.segments.reduce((s, { length }) => s + length, 0), 0)

/** A kernel as a text: equal for equal work, and for no other. */
export const keyOf = (kernel: Kernel): string => {
  const there = keys.get(kernel)
  if (there !== undefined) return there
  // JSON knows no −0, ∞ and NaN: they follow it.
  const others = expressionsOf(kernel)
    .flatMap((e) => subexpressions(e))
    .map((e) => (e._tag === 'Const' ? e.value : 0))
    .flatMap((x, i) => (!Number.isFinite(x) ? [`${i}: ${x}`] : Object.is(x, -0) ? [`${i}: -0`] : []))
  const key = JSON.stringify(kernel) + others.join()
  keys.set(kernel, key)
  return key
}
