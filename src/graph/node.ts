/**
 * The sentences of the language. A graph is made of a dozen kinds of node:
 *
 *     node  = Input name | Buffer data | Const number | Iota n          leaves
 *           | Map op nodes | Reduce op axes node                        arithmetic, broadcasting as NumPy does
 *           | View view node | Concat axis nodes | Gather axis x index  movement
 *           | Dot x y | Conv x w                                        contractions
 *           | Call name args body                                       a composition that has a name
 *
 * Nodes are hash-consed: the same expression is the same object, so `===` is structural equality and common subexpressions are free.
 */
import type { DType, Storage } from '../core/dtype.ts'
import type { BinaryOp, ReduceOp, UnaryOp } from '../core/ops.ts'
import type { Shape } from '../core/shape.ts'

/** Values that live on a device, owned by whoever holds them. A backend knows its own by identity. */
export interface Resident {
  readonly backend: string
  /** The values, on the host. Rejects with what went wrong while they were computed. */
  readonly read: () => Promise<Storage>
  /** Resolves when the values have been computed; rejects as `read` does. */
  readonly settled: () => Promise<void>
  /** Frees the device's memory, after what has been called until now. Reading afterwards is an error; disposing twice is not. */
  readonly dispose: () => void
  /** Has it been disposed? */
  readonly disposed: boolean
}

/** Where the values of a Buffer are. */
export type Source =
  { readonly _tag: 'Host'; readonly data: Storage } | { readonly _tag: 'Device'; readonly resident: Resident }

/** A change of index, without arithmetic. */
export type View =
  | { readonly _tag: 'Reshape' }
  | { readonly _tag: 'Permute'; readonly axes: readonly number[] }
  | { readonly _tag: 'Expand' }
  | { readonly _tag: 'Slice'; readonly start: readonly number[]; readonly step: readonly number[] }
  | { readonly _tag: 'Pad'; readonly before: readonly number[]; readonly value: number }

/** `where(condition, x, y)` chooses; `cast` converts to the node's dtype. The others are rows of the op table. */
export type MapOp = UnaryOp | BinaryOp | 'where' | 'cast'

/** Geometry of a convolution; pairs are [height, width], padding is [top, bottom, left, right]. */
export type ConvGeometry = {
  readonly stride: readonly [number, number]
  readonly padding: readonly [number, number, number, number]
  readonly dilation: readonly [number, number]
  readonly groups: number
}

/** Static arguments of a Call: they take part in its identity. */
export type CallOptions = Readonly<Record<string, number | string | boolean | readonly number[]>>

type Base<Tag extends string> = {
  readonly _tag: Tag
  readonly id: number
  readonly shape: Shape
  readonly dtype: DType
}
/** A value bound when the graph is run. */
export type Input = Base<'Input'> & { readonly name: string }
/** Values that are there already; `label` is their name in a checkpoint. */
export type Buffer = Base<'Buffer'> & { readonly source: Source; readonly label: string | undefined }
/** One number, of shape []. */
export type Const = Base<'Const'> & { readonly value: number }
/** 0, 1, …, n − 1. */
export type Iota = Base<'Iota'>
/** An elementwise op of broadcast operands. */
export type Map = Base<'Map'> & { readonly op: MapOp; readonly xs: readonly Node[] }
/** A fold of axes, which stay with extent 1. */
export type Reduce = Base<'Reduce'> & { readonly op: ReduceOp; readonly axes: readonly number[]; readonly x: Node }
/** The same values under other indices. */
export type ViewNode = Base<'View'> & { readonly view: View; readonly x: Node }
/** Values laid end to end along an axis. */
export type Concat = Base<'Concat'> & { readonly axis: number; readonly xs: readonly Node[] }
/** Rows of `x` along `axis`, chosen by `indices`; indices outside are clamped. */
export type Gather = Base<'Gather'> & { readonly axis: number; readonly x: Node; readonly indices: Node }
/** Matrix product of the last two axes, broadcast over the others. */
export type Dot = Base<'Dot'> & { readonly x: Node; readonly y: Node }
/** Cross-correlation of x [N, C, H, W] with w [O, C / groups, h, w]. */
export type Conv = Base<'Conv'> & { readonly geometry: ConvGeometry; readonly x: Node; readonly w: Node }
/** A composition with a name. `body` is its meaning; a backend may have a faster kernel for the name. */
export type Call = Base<'Call'> & {
  readonly name: string
  readonly options: CallOptions
  readonly args: readonly Node[]
  readonly body: Graph
}
/** A function, as data: `inputs` are bound at each run, in this order; `outputs` are what they determine. */
export type Graph = { readonly inputs: readonly Input[]; readonly outputs: readonly Node[] }

/** Any node. */
export type Node = Input | Buffer | Const | Iota | Map | Reduce | ViewNode | Concat | Gather | Dot | Conv | Call

type WithoutId<N> = N extends Node ? Omit<N, 'id'> : never

const interned = new globalThis.Map<string, WeakRef<Node>>()
const fewest = 2 ** 14
let most = fewest
/** Forgets nodes that nobody has any more: a registry of them would cost more than all the rest of a node. */
const sweep = (): void => {
  for (const [key, node] of interned) if (node.deref() === undefined) interned.delete(key)
  most = Math.max(fewest, 2 * interned.size)
}
let next = 0

/** A node that is only equal to itself: leaves that carry data or are bound later. */
export const unique = <N extends Node>(node: WithoutId<N>): N => ({ ...node, id: next++ }) as unknown as N

/** The one node with this key. The key must determine every field. */
export const intern = <N extends Node>(key: string, make: () => WithoutId<N>): N => {
  const hit = interned.get(key)?.deref()
  if (hit !== undefined) return hit as N
  const fresh = unique<N>(make())
  interned.set(key, new WeakRef<Node>(fresh))
  if (interned.size > most) sweep()
  return fresh
}

const none: readonly Node[] = []

/** The nodes a node reads. */
export const sources = (n: Node): readonly Node[] => {
  switch (n._tag) {
    case 'Input':
    case 'Buffer':
    case 'Const':
    case 'Iota':
      return none
    case 'Map':
    case 'Concat':
      return n.xs
    case 'Reduce':
    case 'View':
      return [n.x]
    case 'Gather':
      return [n.x, n.indices]
    case 'Dot':
      return [n.x, n.y]
    case 'Conv':
      return [n.x, n.w]
    case 'Call':
      return n.args
  }
}

/** Every node the roots depend on, sources first. Iterative: a UNet is deeper than the stack. */
export const toposort = (roots: readonly Node[]): Node[] => {
  const order: Node[] = []
  const seen = new Set<Node>()
  const stack: { readonly node: Node; readonly xs: readonly Node[]; at: number }[] = []
  const visit = (node: Node): void => {
    if (seen.has(node)) return
    seen.add(node)
    stack.push({ node, xs: sources(node), at: 0 })
  }
  for (const root of roots) {
    visit(root)
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!
      if (top.at < top.xs.length) visit(top.xs[top.at++]!)
      else {
        order.push(top.node)
        stack.pop()
      }
    }
  }
  return order
}
