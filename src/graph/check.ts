/** Is this a graph? Run after every pass in the specs. */
import { bytesOf } from '../core/dtype.ts'
import { sameShape, size } from '../core/shape.ts'
import { ProgramError } from '../errors.ts'
import { opOf, typeOf } from './print.ts'
import { sources, toposort, type Graph, type Node } from './node.ts'

/**
 * The graph itself, when it is one: every input it reads is declared, every node's sources come before it, every shape is whole, every
 * body takes its call's arguments and gives its type. Throws `ProgramError`, naming the node.
 */
export const check = (graph: Graph): Graph => {
  const declared = new Set<Node>(graph.inputs)
  const seen = new Set<Node>()
  const demand = (holds: boolean, n: Node, why: string): void => {
    if (!holds) throw new ProgramError(`check: ${opOf(n)} ${typeOf(n)} ${why}`)
  }
  for (const n of toposort(graph.outputs)) {
    demand(n._tag !== 'Input' || declared.has(n), n, 'is read but not declared as an input')
    demand(
      n.shape.every((d) => Number.isInteger(d) && d >= 0),
      n,
      'has an extent that is no whole number',
    )
    demand(Object.hasOwn(bytesOf, n.dtype), n, 'has an unknown dtype')
    for (const s of sources(n)) demand(seen.has(s), n, `comes before its source ${opOf(s)}`)
    if (n._tag === 'Buffer' && n.source._tag === 'Host')
      demand(n.source.data.length === size(n.shape), n, `holds ${n.source.data.length} values`)
    if (n._tag === 'Call') {
      const { inputs, outputs } = n.body
      demand(inputs.length === n.args.length, n, `is given ${n.args.length} arguments, its body takes ${inputs.length}`)
      n.args.forEach((a, i) => {
        demand(
          sameShape(a.shape, inputs[i]!.shape) && a.dtype === inputs[i]!.dtype,
          n,
          `has a body that takes another argument ${i}`,
        )
      })
      const [out] = check(n.body).outputs
      demand(
        outputs.length === 1 && sameShape(out!.shape, n.shape) && out!.dtype === n.dtype,
        n,
        'has a body of another type',
      )
    }
    seen.add(n)
  }
  return graph
}
