/** What is computed at every index of an iteration space, as data: arithmetic on elements of operands. */
import type { DType } from '../core/dtype.ts'
import type { MapOp, Node } from '../graph/node.ts'

/** How an element is kept in a device's memory: bools are whole words, 16-bit floats only where they came from the host. */
export type Element = DType

/** Bytes of an element in a device's memory. */
export const elementBytes = (element: Element): number => (element === 'f16' || element === 'bf16' ? 2 : 4)

/** What an element is to arithmetic. */
export type Value = 'f32' | 'i32' | 'u32' | 'bool'

/**
 * The node of the graph that an operation is, whichever kernel it has come to: for listings. A symbol, so that the text of a kernel, which
 * is what it does, leaves it out.
 */
export const origin: unique symbol = Symbol('origin')

/** An index that is itself read from memory, clamped to 0 … extent − 1, times a stride. */
export type Pick = {
  readonly index: Load
  readonly stride: number
  readonly extent: number
  readonly [origin]?: Node
}

/** The element at offset + Σ strideᵢ · indexᵢ + Σ picks of an operand. */
export type Load = {
  readonly _tag: 'Load'
  readonly operand: number
  readonly element: Element
  readonly offset: number
  readonly strides: readonly number[]
  readonly picks: readonly Pick[]
}

/** A number computed from the indices: offset + Σ strideᵢ · indexᵢ. */
export type Index = {
  readonly _tag: 'Index'
  readonly type: Value
  readonly offset: number
  readonly strides: readonly number[]
}

/**
 * xs[i] where ends[i − 1] ≤ at < ends[i] (at is never below 0; the last end is that of the space): concatenations and borders, read where they
 * lie. Only that part is meant to be read: elsewhere the loads of a part may point outside of their operand, at what is never used.
 * Only for targets that say so.
 */
export type Parts = {
  readonly _tag: 'Parts'
  readonly type: Value
  readonly at: Index
  readonly ends: readonly number[]
  readonly xs: readonly Expr[]
  readonly [origin]?: Node
}

/** What is computed at every index of an iteration space. */
export type Expr =
  | Load
  | { readonly _tag: 'Const'; readonly type: Value; readonly value: number }
  | Index
  | Parts
  | {
      readonly _tag: 'Op'
      readonly op: MapOp
      /** The dtype of the node, which says what a cast does; and that of the result in arithmetic. */
      readonly dtype: DType
      readonly type: Value
      readonly xs: readonly Expr[]
      readonly [origin]?: Node
    }

/** Where results go: offset + Σ strideᵢ · indexᵢ of an operand. */
export type Store = {
  readonly operand: number
  readonly element: Element
  readonly offset: number
  readonly strides: readonly number[]
}

/** Every sub-expression, an expression itself first. */
export const subexpressions = (e: Expr): readonly Expr[] => {
  const seen = new Set<Expr>()
  const visit = (x: Expr): void => {
    if (seen.has(x)) return
    seen.add(x)
    if (x._tag === 'Parts') visit(x.at)
    if ('xs' in x) x.xs.forEach(visit)
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

/** Expressions without operands. */
export type Leaf = Exclude<Expr, { readonly xs: readonly Expr[] }>

/** An expression with its leaves replaced, an index by an index; what was shared stays shared. */
export const mapLeaves = (e: Expr, leaf: (x: Leaf) => Expr): Expr => {
  const made = new Map<Expr, Expr>()
  const visit = (x: Expr): Expr => {
    const there = made.get(x)
    if (there !== undefined) return there
    const fresh: Expr =
      x._tag === 'Op'
        ? { ...x, xs: x.xs.map(visit) }
        : x._tag === 'Parts'
          ? { ...x, at: leaf(x.at) as Index, xs: x.xs.map(visit) }
          : leaf(x)
    made.set(x, fresh)
    return fresh
  }
  return visit(e)
}
