/** Gain and shift of a layer normalisation go into the weights of the products after it: (γ ⊙ x + β) W = x (γ ⊙ W) + β W. */
import { size } from '../core/shape.ts'
import * as build from '../graph/build.ts'
import type { Call, Node } from '../graph/node.ts'
import { replaced } from '../graph/rewrite.ts'
import type { Pass } from './pass.ts'
import { keepsColumns, known } from './readers.ts'

const plain = (n: Call): Node =>
  build.call(n.name, n.options, [n.args[0]!], (inputs) =>
    // The body without gain and shift is that of a gain of 1 and a shift of 0.
    build.substitute(
      n.body.outputs[0]!,
      new Map<Node, Node>([
        [n.body.inputs[0]!, inputs[0]!],
        ...n.body.inputs
          .slice(1)
          .map((p, i): [Node, Node] => [p, build.expand(p.shape, build.constant(i === 0 ? 1 : 0))]),
      ]),
    ),
  )

/** Where all readers of such a normalisation are products with weights. */
export const normIntoProducts: Pass = {
  name: 'norm into products',
  run: (graph) => {
    const { order, readers, isFixed, isLone } = known(graph)
    const by = new Map<Node, Node>()
    for (const n of order) {
      if (n._tag !== 'Dot' || n.y.shape.length !== 2 || !isFixed(n.y)) continue
      let x = n.x
      const views: Node[] = []
      while (keepsColumns(x)) {
        views.push(x)
        x = x.x
      }
      if (x._tag !== 'Call' || (x.name !== 'layerNorm' && x.name !== 'rmsNorm') || x.args.length === 1) continue
      if (!x.args.slice(1).every((a) => isFixed(a) && size(a.shape) === x.shape.at(-1))) continue
      // What else reads it would have it computed once more.
      const alone = [x, ...views].every((v) => isLone(v) || readers.get(v)!.every((r) => r._tag === 'Dot'))
      if (!alone) continue
      const columns = x.shape.at(-1)!
      const rows = build.reshape(n.x.shape, plain(x))
      const [, gain, shift] = x.args
      const scaled = build.dot(rows, build.map2('mul', n.y, build.reshape([columns, 1], gain!)))
      by.set(
        n,
        shift === undefined ? scaled : build.map2('add', scaled, build.dot(build.reshape([1, columns], shift), n.y)),
      )
    }
    return replaced(graph, by)
  },
}
