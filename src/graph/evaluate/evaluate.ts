/** What every node means, on the host. A backend is right when it agrees with this. */
import { widen, type Storage } from '../../core/dtype.ts'
import { size } from '../../core/shape.ts'
import { ProgramError } from '../../errors.ts'
import { sources, toposort, type Graph, type Node } from '../node.ts'
import * as arithmetic from './arithmetic.ts'
import * as contraction from './contraction.ts'
import * as movement from './movement.ts'
import { convert, valuesFor, type Precision, type Values } from './values.ts'

/**
 * The outputs of a graph, given the values of its inputs in order (f16 and bf16 widened). Buffers must be on the host: `ProgramError`
 * names one that is not. Values are dropped after their last use.
 */
export const evaluate = (graph: Graph, inputs: readonly Values[], precision: Precision = 'f64'): Values[] => {
  const known = new Map<Node, Values>()
  graph.inputs.forEach((n, i) => {
    const given = inputs[i]
    if (given === undefined) throw new ProgramError(`evaluate: input ${n.name} is not bound`)
    if (given.length !== size(n.shape))
      throw new ProgramError(`evaluate: input ${n.name} has ${given.length} values, expected [${n.shape}]`)
    known.set(n, given)
  })
  const order = toposort(graph.outputs)
  const uses = new Map<Node, number>()
  for (const n of [...order.flatMap((x) => [...sources(x)]), ...graph.outputs]) uses.set(n, (uses.get(n) ?? 0) + 1)
  for (const n of order) {
    const xs = sources(n).map((s) => known.get(s)!)
    if (!known.has(n)) known.set(n, meaning(n, xs, precision))
    for (const s of sources(n)) {
      const left = uses.get(s)! - 1
      uses.set(s, left)
      if (left === 0) known.delete(s)
    }
  }
  return graph.outputs.map((n) => known.get(n)!)
}

const meaning = (n: Node, xs: readonly Values[], precision: Precision): Values => {
  switch (n._tag) {
    case 'Input':
      throw new ProgramError(`evaluate: input ${n.name} is not bound`)
    case 'Buffer':
      if (n.source._tag === 'Device')
        throw new ProgramError(`evaluate: ${n.label ?? 'a result'} is on ${n.source.resident.backend}; read it first`)
      return hostValues(n.dtype, n.source.data, precision)
    case 'Const':
      return valuesFor(n.dtype, 1, precision).fill(convert(n.dtype, n.value))
    case 'Iota':
      return valuesFor(n.dtype, size(n.shape), precision).map((_, i) => i)
    case 'Map':
      return arithmetic.map(n, xs, precision)
    case 'Reduce':
      return arithmetic.reduce(n, xs[0]!, precision)
    case 'View':
      return movement.view(n, xs[0]!, precision)
    case 'Concat':
      return movement.concat(n, xs, precision)
    case 'Gather':
      return movement.gather(n, xs[0]!, xs[1]!, precision)
    case 'Dot':
      return contraction.dot(n, xs[0]!, xs[1]!, precision)
    case 'Conv':
      return contraction.conv(n, xs[0]!, xs[1]!, precision)
    case 'Call':
      return evaluate(n.body, xs, precision)[0]!
  }
}

/** Storage as the evaluator keeps it. */
export const hostValues = (dtype: Node['dtype'], data: Storage, precision: Precision): Values => {
  const wide = widen(dtype, data)
  return wide instanceof Float32Array && precision === 'f64' ? Float64Array.from(wide) : (wide as Values)
}
