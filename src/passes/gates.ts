/** Both halves of a gated product are made side by side, column by column, so that whoever has one has the other. Shazeer 2020. */
import { size } from '../core/shape.ts'
import * as build from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import { replaced } from '../graph/rewrite.ts'
import type { Pass } from './pass.ts'
import { keepsColumns, known, type Known } from './readers.ts'

/** Columns 0, n / 2, 1, n / 2 + 1, … */
const interleaved = (x: Node): Node => {
  const [outer, n] = [x.shape.slice(0, -1), x.shape.at(-1)!]
  const rank = outer.length
  const halves = build.reshape([...outer, 2, n / 2], x)
  const axes = [...outer.map((_, i) => i), rank + 1, rank]
  return build.reshape(x.shape, build.permute(axes, halves))
}

/** Every second column, from the given one on. */
const everySecond = (x: Node, from: number): Node =>
  build.slice(
    x.shape.map((_, i) => (i === x.shape.length - 1 ? from : 0)),
    x.shape.map((_, i) => (i === x.shape.length - 1 ? 2 : 1)),
    [...x.shape.slice(0, -1), x.shape.at(-1)! / 2],
    x,
  )

/** The first or second half of columns, made of a product whose columns are interleaved; undefined where it is no such product. */
const halfOf = (n: Node, which: 0 | 1, about: Known): Node | undefined => {
  const [outer, half] = [n.shape.slice(0, -1), n.shape.at(-1)! / 2]
  if (keepsColumns(n)) {
    const x = about.isLone(n.x) ? halfOf(n.x, which, about) : undefined
    return x && build.reshape([...outer, half], x)
  }
  if (n._tag === 'Dot') {
    const isProduct = n.y.shape.length === 2 && about.isFixed(n.y)
    return isProduct ? everySecond(build.dot(n.x, interleaved(n.y)), which) : undefined
  }
  if (n._tag !== 'Map' || n.op !== 'add') return undefined
  const at = n.xs.findIndex((x) => about.isFixed(x) && size(x.shape) === 2 * half && x.shape.at(-1) === 2 * half)
  const other = n.xs[1 - at]
  if (at < 0 || other === undefined || !about.isLone(other)) return undefined
  const x = halfOf(other, which, about)
  const row = n.xs[at]!
  const start = row.shape.map((_, i) => (i === row.shape.length - 1 ? which * half : 0))
  const own = build.slice(
    start,
    row.shape.map(() => 1),
    [...row.shape.slice(0, -1), half],
    row,
  )
  return x && build.map2('add', x, own)
}

/** Products that are read as two halves, and not otherwise. */
export const gates: Pass = {
  name: 'gates',
  run: (graph) => {
    const about = known(graph)
    const by = new Map<Node, Node>()
    for (const n of about.order) {
      const readers = about.readers.get(n) ?? []
      if (readers.length !== 2 || graph.outputs.includes(n)) continue
      const half = n.shape.at(-1)! / 2
      const startOf = (r: Node): number =>
        r._tag === 'View' &&
        r.view._tag === 'Slice' &&
        r.shape.at(-1) === half &&
        size(r.shape) * 2 === size(n.shape) &&
        r.view.step.at(-1) === 1
          ? r.view.start.at(-1)!
          : -1
      const starts = readers.map(startOf)
      if (!starts.includes(0) || !starts.includes(half) || half % 2 !== 0) continue
      for (const [i, r] of readers.entries()) {
        const other = halfOf(n, starts[i] === 0 ? 0 : 1, about)
        if (other !== undefined) by.set(r, other)
      }
    }
    return replaced(graph, by)
  },
}
