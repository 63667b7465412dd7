/** Products of the same rows with different weights are one product with all of them side by side: q, k and v; all time projections. */
import { computed } from '../core/dtype.ts'
import { size } from '../core/shape.ts'
import * as build from '../graph/build.ts'
import type { Dot, Node } from '../graph/node.ts'
import { replaced } from '../graph/rewrite.ts'
import type { Pass } from './pass.ts'
import { keepsColumns, known, type Known } from './readers.ts'

/** A product, and what is its sum with a row of weights, where nothing else reads it. */
type Member = { readonly dot: Dot; readonly sum?: { readonly node: Node; readonly bias: Node } }

const memberOf = (dot: Dot, { readers, isLone, isFixed }: Known): Member => {
  const columns = dot.shape.at(-1)!
  let [n, up] = [dot as Node, isLone(dot) ? readers.get(dot)![0]! : undefined]
  while (up !== undefined && keepsColumns(up) && isLone(up)) [n, up] = [up, readers.get(up)![0]!]
  if (up?._tag !== 'Map' || up.op !== 'add') return { dot }
  const bias = up.xs[0] === n ? up.xs[1]! : up.xs[0]!
  const isRow = size(bias.shape) === columns && bias.shape.at(-1) === columns && computed(bias.dtype) === 'f32'
  return isRow && isFixed(bias) && size(up.shape) === size(dot.shape) ? { dot, sum: { node: up, bias } } : { dot }
}

/** Columns from … on, so many. */
const columns = (x: Node, from: number, count: number): Node =>
  build.slice(
    x.shape.map((_, i) => (i === x.shape.length - 1 ? from : 0)),
    x.shape.map(() => 1),
    [...x.shape.slice(0, -1), count],
    x,
  )

const together = (members: readonly Member[], by: Map<Node, Node>): void => {
  const [first] = members
  const product = build.dot(
    first!.dot.x,
    build.concat(
      1,
      members.map((m) => m.dot.y),
    ),
  )
  const sums = members.flatMap((m) => (m.sum === undefined ? [] : [m.sum]))
  const biases = sums.map((s) => build.reshape([s.bias.shape.at(-1)!], s.bias))
  const whole = sums.length === members.length ? build.map2('add', product, build.concat(0, biases)) : product
  let from = 0
  for (const { dot, sum } of members) {
    const count = dot.shape.at(-1)!
    const part = columns(whole, from, count)
    if (sums.length === members.length) by.set(sum!.node, build.reshape(sum!.node.shape, part))
    else by.set(dot, part)
    from += count
  }
}

/** Merges them. */
export const sharedProducts: Pass = {
  name: 'shared products',
  run: (graph) => {
    const about = known(graph)
    const groups = new Map<string, Dot[]>()
    for (const n of about.order) {
      if (n._tag !== 'Dot' || n.y.shape.length !== 2 || n.x.shape.length !== 2 || !about.isFixed(n.y)) continue
      if (about.isFixed(n.x)) continue
      const key = `${n.x.id} ${n.y.dtype}`
      groups.set(key, [...(groups.get(key) ?? []), n])
    }
    const by = new Map<Node, Node>()
    for (const dots of groups.values()) {
      const all = dots.map((d) => memberOf(d, about))
      // Biases of one dtype stand side by side; products with a bias and those without are apart.
      const kindOf = (m: Member): string => m.sum?.bias.dtype ?? 'none'
      for (const kind of new Set(all.map(kindOf))) {
        const members = all.filter((m) => kindOf(m) === kind)
        if (members.length > 1) together(members, by)
      }
    }
    return replaced(graph, by)
  },
}
