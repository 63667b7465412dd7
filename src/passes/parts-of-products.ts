/** A convolution of channels end to end is a sum of convolutions, each of its own channels where they lie. */
import * as build from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import { replaced } from '../graph/rewrite.ts'
import type { Pass } from './pass.ts'
import { known } from './readers.ts'

/** Such convolutions, where a normalisation is all else that reads the channels together. */
export const partsOfProducts: Pass = {
  name: 'parts of products',
  run: (graph) => {
    const { order, readers, isFixed } = known(graph)
    const by = new Map<Node, Node>()
    for (const n of order) {
      if (n._tag !== 'Conv' || n.geometry.groups !== 1 || !isFixed(n.w)) continue
      const { x } = n
      if (x._tag !== 'Concat' || x.axis !== 1 || x.xs.length > 3 || graph.outputs.includes(x)) continue
      const isNorm = (r: Node): boolean => r._tag === 'Call' && r.name === 'groupNorm'
      if (!readers.get(x)!.every((r) => r._tag === 'Conv' || isNorm(r)) || readers.get(x)!.filter(isNorm).length > 1)
        continue
      let from = 0
      const parts = x.xs.map((part) => {
        const [outs, , kh, kw] = n.w.shape as [number, number, number, number]
        const own = build.slice([0, from, 0, 0], [1, 1, 1, 1], [outs, part.shape[1]!, kh, kw], n.w)
        from += part.shape[1]!
        return build.conv(n.geometry, part, own)
      })
      const [first, ...others] = parts
      by.set(
        n,
        others.reduce<Node>((sum, p) => build.map2('add', sum, p), first!),
      )
    }
    return replaced(graph, by)
  },
}
