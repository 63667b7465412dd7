/** A function on tensors, run once on symbols: its graph. */
import * as build from '../graph/build.ts'
import type { Graph, Input } from '../graph/node.ts'
import { ProgramError } from '../errors.ts'
import { Noise } from './noise.ts'
import { nodeOf, Tensor } from './tensor.ts'
import { leaves, mapTree, type Leaf } from './tree.ts'

/** Where the value of an input comes from: the leaf at a position among the arguments, and for a stream which of its draws. */
export type Binding = { readonly leaf: number; readonly draw: number }

/** A traced function: the graph, where its inputs come from, and the tree of its results, with symbols for leaves. */
export type Traced<B> = { readonly graph: Graph; readonly bindings: readonly Binding[]; readonly result: B }

/** A stream that is known only when the program runs: the `draw`-th tail of an argument. */
class SymbolicNoise extends Noise {
  readonly leaf: number
  readonly draw: number
  constructor(leaf: number, draw: number, shape: readonly number[], head: (draw: number) => Tensor) {
    super(
      shape,
      () => head(draw),
      () => new SymbolicNoise(leaf, draw + 1, shape, head),
    )
    this.leaf = leaf
    this.draw = draw
  }
}

/**
 * The graph of `f` on arguments of these shapes. Numbers and tensors among the leaves become inputs, named by their paths; a stream of
 * noise becomes as many inputs as `f` takes draws from it. Runs `f` once; whatever `f` throws is thrown on the caller's line.
 */
export const trace = <A extends readonly unknown[], B>(f: (...args: A) => B, args: A): Traced<B> => {
  const inputs: Input[] = []
  const bindings: Binding[] = []
  const bind = (leaf: number, draw: number, name: string, shape: readonly number[], dtype: Tensor['dtype']): Tensor => {
    const node = build.input(name, shape, dtype)
    inputs.push(node)
    bindings.push({ leaf, draw })
    return new Tensor(node)
  }
  let count = 0
  const symbols = mapTree((leaf, path) => {
    const at = count++
    if (typeof leaf === 'number') return bind(at, 0, path, [], 'f32')
    if (leaf instanceof Tensor) return bind(at, 0, path, leaf.shape, leaf.dtype)
    return new SymbolicNoise(at, 0, leaf.shape, (draw) => bind(at, draw, `${path}.${draw}`, leaf.shape, 'f32'))
  }, args)
  const result = f(...symbols)
  const outputs = leaves(result).flatMap(([, leaf]) => (leaf instanceof Noise ? [] : [nodeOf(leaf)]))
  return { graph: { inputs, outputs }, bindings, result }
}

/** The value an input has among actual arguments. */
export const bound = (binding: Binding, given: readonly Leaf[]): Tensor | number => {
  const leaf = given[binding.leaf]!
  return leaf instanceof Noise ? advance(leaf, binding.draw).head : leaf
}

const advance = (stream: Noise, draws: number): Noise => {
  let at = stream
  for (let i = 0; i < draws; i++) at = at.next
  return at
}

/** The tree of results with actual values: tensors in order from `values`, and streams as far on as the program read them. */
export const rebuild = <B>(traced: Traced<B>, given: readonly Leaf[], values: readonly Tensor[]): B => {
  let i = 0
  return mapTree((leaf) => {
    if (!(leaf instanceof Noise)) return values[i++]!
    if (!(leaf instanceof SymbolicNoise)) return leaf
    const from = given[leaf.leaf]
    if (!(from instanceof Noise)) throw new ProgramError('trace: a stream came from an argument that is none')
    return advance(from, leaf.draw)
  }, traced.result)
}
