/** Functions as ONNX models, for other runtimes. */
import { size } from '../core/shape.ts'
import { ProgramError } from '../errors.ts'
import { sources, toposort, type Graph, type Node } from '../graph/node.ts'
import { trace } from '../tensor/trace.ts'
import { leaves } from '../tensor/tree.ts'
import { Noise } from '../tensor/noise.ts'
import { calls } from './calls.ts'
import { map } from './elementwise.ts'
import { encode, type ModelProto } from './messages.ts'
import { conv, gather, iota, reduce, view } from './nodes.ts'
import { declared, inside, stored, Writer } from './writer.ts'

const opset = 18
const irVersion = 9

type Names = Map<Node, string>

/** The bias [C] of a convolution, where this is their sum as `conv2d` makes it, and nobody else reads the convolution. */
const biasOf = (n: Node, uses: ReadonlyMap<Node, number>): Node | undefined => {
  if (n._tag !== 'Map' || n.op !== 'add') return undefined
  const [y, b] = n.xs
  if (y?._tag !== 'Conv' || uses.get(y) !== 1 || b?._tag !== 'View' || b.view._tag !== 'Reshape') return undefined
  const bias = b.x
  const perChannel = b.shape.length === 4 && b.shape[1] === y.shape[1] && size(b.shape) === y.shape[1]
  return bias._tag === 'Buffer' && bias.shape.length === 1 && perChannel ? bias : undefined
}

const usesIn = (order: readonly Node[], outputs: readonly Node[]): ReadonlyMap<Node, number> => {
  const uses = new Map<Node, number>()
  for (const n of [...order.flatMap((n) => [...sources(n)]), ...outputs]) uses.set(n, (uses.get(n) ?? 0) + 1)
  return uses
}

/** Writes what a graph computes; the names of its inputs are known. */
const emit = (w: Writer, graph: Graph, names: Names): void => {
  const order = toposort(graph.outputs)
  const uses = usesIn(order, graph.outputs)
  const folded = new Set(order.filter((n) => biasOf(n, uses) !== undefined).map((n) => sources(n)[0]!))
  for (const n of order) {
    if (names.has(n) || folded.has(n)) continue
    names.set(n, written(w, n, names, biasOf(n, uses)))
  }
}

const written = (w: Writer, n: Node, names: Names, bias: Node | undefined): string => {
  if (bias !== undefined) {
    const [y] = sources(n)
    if (y?._tag !== 'Conv') throw new ProgramError('toOnnx: a bias of no convolution')
    return conv(w, y, names.get(y.x)!, names.get(y.w)!, names.get(bias)!)
  }
  const xs = sources(n).map((s) => names.get(s)!)
  switch (n._tag) {
    case 'Input':
      throw new ProgramError(`toOnnx: input ${n.name} is not declared`)
    case 'Buffer':
      if (n.source._tag === 'Device')
        throw new ProgramError(`toOnnx: ${n.label ?? 'a result'} is on ${n.source.resident.backend}; read it first`)
      return w.values(n.dtype, n.shape, n.source.data, n.label ?? 'values')
    case 'Const':
      return w.number(n.dtype, n.value)
    case 'Iota':
      return iota(w, n)
    case 'Map':
      return map(w, n, xs)
    case 'Reduce':
      return reduce(w, n, xs[0]!)
    case 'View':
      return view(w, n, xs[0]!)
    case 'Concat':
      return w.node('Concat', xs, { axis: n.axis })
    case 'Gather':
      return gather(w, n, xs[0]!, xs[1]!)
    case 'Dot':
      return w.node('MatMul', xs)
    case 'Conv':
      return conv(w, n, xs[0]!, xs[1]!)
    case 'Call': {
      const known = Object.hasOwn(calls, n.name) ? calls[n.name]!(w, n, xs) : undefined
      if (known !== undefined) return known
      n.body.inputs.forEach((p, i) => names.set(p, xs[i]!))
      emit(w, n.body, names)
      return names.get(n.body.outputs[0]!)!
    }
  }
}

/** The model that `toOnnx` writes. */
export const modelOf = <A extends readonly unknown[], B>(f: (...args: A) => B, example: A): ModelProto => {
  const { graph, result } = trace(f, example)
  const w = new Writer()
  const names: Names = new Map()
  const input = graph.inputs.map((n) => {
    const name = w.name(n.name)
    names.set(n, stored[n.dtype] === inside[n.dtype] ? name : w.cast(name, inside[n.dtype]))
    return declared(name, n.dtype, n.shape)
  })
  const paths = leaves(result).flatMap(([path, leaf]) => (leaf instanceof Noise ? [] : [path]))
  const outputNames = paths.map((path) => w.name(path === '' ? 'out' : `out.${path}`))
  emit(w, graph, names)
  const output = graph.outputs.map((n, i) => {
    const from = names.get(n)!
    if (stored[n.dtype] === inside[n.dtype]) w.node('Identity', [from], {}, outputNames[i]!)
    else w.cast(from, stored[n.dtype], outputNames[i]!)
    return declared(outputNames[i]!, n.dtype, n.shape)
  })
  return {
    ir_version: irVersion,
    producer_name: 'diffold',
    opset_import: [{ domain: '', version: opset }],
    graph: { name: 'graph', node: w.nodes, initializer: w.initializers, input, output },
  }
}

/**
 * The function as the bytes of an ONNX model (opset 18), traced on example arguments: `toOnnx(f, [x, t])` is `f(x, t)`. Inputs are named
 * after the arguments' paths (`0`, `1.t`), outputs after the results' (`out`, `out.x`); every draw from a stream of noise is an input.
 * Captured tensors become initializers, f16 ones of 16 bits. Shapes are those of the example. Throws `ProgramError` where a captured
 * value is on a device, or where there are more than 2 GB of them, which is what such a file can hold.
 */
export const toOnnx = <A extends readonly unknown[], B>(f: (...args: A) => B, example: A): Uint8Array =>
  encode(modelOf(f, example))
