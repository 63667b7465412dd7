/**
 * Kernels as data: what one dispatch computes, in terms of operands it is given addresses of. A kernel names no buffer, so that equal work
 * on other buffers is the same kernel, and is compiled once. Indices of an iteration space are mapped to elements by strides: views,
 * transpositions and broadcasts of the graph have become those.
 */
import type { DType } from '../core/dtype.ts'
import type { MapOp } from '../graph/node.ts'
import type { ReduceOp } from '../core/ops.ts'

/** How an element is kept in a device's memory: bools are whole words, 16-bit floats only where they came from the host. */
export type Element = DType

/** Bytes of an element in a device's memory. */
export const elementBytes = (element: Element): number => (element === 'f16' || element === 'bf16' ? 2 : 4)

/** What an element is to arithmetic. */
export type Value = 'f32' | 'i32' | 'u32' | 'bool'

/** An index that is itself read from memory, clamped to 0 … extent − 1, times a stride. */
export type Pick = { readonly index: Load; readonly stride: number; readonly extent: number }

/** The element at offset + Σ strideᵢ · indexᵢ + Σ picks of an operand. */
export type Load = {
  readonly _tag: 'Load'
  readonly operand: number
  readonly element: Element
  readonly offset: number
  readonly strides: readonly number[]
  readonly picks: readonly Pick[]
}

/** What is computed at every index of an iteration space. */
export type Expr =
  | Load
  | { readonly _tag: 'Const'; readonly type: Value; readonly value: number }
  | { readonly _tag: 'Index'; readonly type: Value; readonly offset: number; readonly strides: readonly number[] }
  | {
      readonly _tag: 'Op'
      readonly op: MapOp
      /** The dtype of the node, which says what a cast does; and that of the result in arithmetic. */
      readonly dtype: DType
      readonly type: Value
      readonly xs: readonly Expr[]
    }

/** Where results go: offset + Σ strideᵢ · indexᵢ of an operand. */
export type Store = {
  readonly operand: number
  readonly element: Element
  readonly offset: number
  readonly strides: readonly number[]
}

/** An expression at every index of `dims`. */
export type MapKernel = {
  readonly _tag: 'Map'
  readonly dims: readonly number[]
  readonly value: Expr
  readonly out: Store
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

/** A run of K whose elements of A lie side by side, and how far it is from its end to the next run, in elements. */
export type Segment = { readonly length: number; readonly jump: number }

/** Where rows begin: strides of the batch indices and of the row indices, in elements. */
export type Rows = { readonly offset: number; readonly batch: readonly number[]; readonly rows: readonly number[] }

/**
 * C = A · B with B as panels: for every panel of `width` columns, K rows of `width` float32. Rows of A and C are indices of `rows`, mapped by
 * strides; the last of them is the one that a tile of rows runs along. Rows of A need not be apart: those of a convolution overlap.
 */
export type GemmKernel = {
  readonly _tag: 'Gemm'
  /** Batch extents; A and B may repeat along them. */
  readonly batch: readonly number[]
  readonly rows: readonly number[]
  readonly n: number
  readonly segments: readonly Segment[]
  readonly width: number
  /** A is operand 1; its elements are float32. */
  readonly a: Rows
  /** Batch strides of B, operand 2, in elements. */
  readonly b: readonly number[]
  /** C is operand 0. */
  readonly c: Rows
  /** What is done to finished rows of C, in place: a map over [rows, n], whose operand 0 is C and whose others are those after B. */
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

/** Where rows of a batch begin: strides of the batch indices and of the rows, in elements. */
export type BatchRows = { readonly offset: number; readonly batch: readonly number[]; readonly row: number }

/**
 * softmax(scale · q kᵀ + mask) v in one pass. Queries [...batch, rows, depth] and results [...batch, rows, features] lie row by row, keys
 * are panels of 8, values of `valueWidth`. Operands: result, queries, keys, values, what threads work on, and the mask, over [...batch, rows, keys].
 */
export type AttentionKernel = {
  readonly _tag: 'Attention'
  readonly batch: readonly number[]
  readonly rows: number
  readonly keys: number
  readonly depth: number
  readonly features: number
  readonly scale: number
  readonly q: BatchRows
  readonly out: BatchRows
  readonly keyBatch: readonly number[]
  readonly valueBatch: readonly number[]
  readonly valueWidth: number
  readonly mask: Load | undefined
}

/** Any kernel. */
export type Kernel =
  | AttentionKernel
  | MapKernel
  | ReduceKernel
  | GemmKernel
  | WinogradWeightKernel
  | WinogradInputKernel
  | WinogradOutputKernel

/** One use of a kernel: its operands, by number of a program's buffers. The first one is written. */
export type Dispatch = {
  readonly kernel: Kernel
  readonly operands: readonly number[]
  /** Which nodes it computes, for listings. */
  readonly label: string
}

/** Every sub-expression, an expression itself first. */
export const subexpressions = (e: Expr): readonly Expr[] => {
  const seen = new Set<Expr>()
  const visit = (x: Expr): void => {
    if (seen.has(x)) return
    seen.add(x)
    if (x._tag === 'Op') x.xs.forEach(visit)
  }
  visit(e)
  return [...seen]
}

/** The loads of an expression, each once, those of their picks among them. */
export const loadsOf = (e: Expr): readonly Load[] => {
  const found = new Set<Load>()
  const visit = (l: Load): void => {
    found.add(l)
    l.picks.forEach((p) => visit(p.index))
  }
  for (const x of subexpressions(e)) if (x._tag === 'Load') visit(x)
  return [...found]
}

/** An expression with its loads replaced; what was shared stays shared. */
export const mapLeaves = (e: Expr, leaf: (x: Exclude<Expr, { readonly _tag: 'Op' }>) => Expr): Expr => {
  const made = new Map<Expr, Expr>()
  const visit = (x: Expr): Expr => {
    const there = made.get(x)
    if (there !== undefined) return there
    const fresh = x._tag === 'Op' ? { ...x, xs: x.xs.map(visit) } : leaf(x)
    made.set(x, fresh)
    return fresh
  }
  return visit(e)
}

const keys = new WeakMap<Kernel, string>()

/** The expressions in a kernel. */
const expressionsOf = (k: Kernel): readonly Expr[] => {
  if ('value' in k) return [k.value]
  return 'epilogue' in k && k.epilogue !== undefined ? [k.epilogue.value] : []
}

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
