/** Two linear maps with nothing but sums between them are one: (x A + y) B = x (A B) + y B, where A B takes no more than A. */
import { size } from '../core/shape.ts'
import * as build from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import { replaced } from '../graph/rewrite.ts'
import type { Pass } from './pass.ts'
import { keepsColumns, known, type Known } from './readers.ts'

type Spread = { readonly node: Node; readonly composed: number; readonly left: number }

/** Rows of n times B, taken into the products that n is a sum of: with how many of those, and how many other summands. */
const spread = (n: Node, b: Node, about: Known): Spread => {
  const columns = n.shape.at(-1)!
  const flat = (x: Node): Node => build.reshape([size(x.shape) / columns, columns], x)
  const otherwise = (): Spread => ({ node: build.dot(flat(n), b), composed: 0, left: 1 })
  if (!about.isLone(n)) return otherwise()
  if (keepsColumns(n)) return spread(n.x, b, about)
  if (n._tag === 'Dot' && n.y.shape.length === 2 && n.x.shape.length === 2 && about.isFixed(n.y)) {
    // Never more to multiply than before.
    if (b.shape[1]! > n.y.shape[1]!) return otherwise()
    return { node: build.dot(n.x, build.dot(n.y, b)), composed: 1, left: 0 }
  }
  if (n._tag !== 'Map' || n.op !== 'add') return otherwise()
  const parts = n.xs.map((x): Spread | undefined => {
    if (size(x.shape) === size(n.shape)) return spread(x, b, about)
    const isRow = size(x.shape) === columns && x.shape.at(-1) === columns && about.isFixed(x)
    return isRow ? { node: build.dot(build.reshape([1, columns], x), b), composed: 0, left: 0 } : undefined
  })
  const [x, y] = parts
  if (x === undefined || y === undefined) return otherwise()
  return { node: build.map2('add', x.node, y.node), composed: x.composed + y.composed, left: x.left + y.left }
}

/** Composes them. */
export const compose: Pass = {
  name: 'compose',
  run: (graph) => {
    const about = known(graph)
    const by = new Map<Node, Node>()
    for (const n of about.order) {
      if (n._tag !== 'Dot' || n.y.shape.length !== 2 || n.x.shape.length !== 2) continue
      if (!about.isFixed(n.y) || about.isFixed(n.x)) continue
      const { node, composed, left } = spread(n.x, n.y, about)
      if (composed > 0 && left <= 1) by.set(n, node)
    }
    return replaced(graph, by)
  },
}
