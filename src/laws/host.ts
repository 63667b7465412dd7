/** Values in float64 on the host: a whole fold is one graph, evaluated once. */
import { input } from '../graph/build.ts'
import { evaluate } from '../graph/evaluate/evaluate.ts'
import { toposort, type Input } from '../graph/node.ts'
import { Tensor } from '../tensor/tensor.ts'

const given = new WeakMap<Input, Float64Array>()

/** Float64 values as a tensor, which a Buffer would round to float32. One axis unless a shape is given. */
export const vector = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor => {
  const node = input('given', shape)
  given.set(node, Float64Array.from(values))
  return new Tensor(node)
}

/** The values of tensors made from `vector`s and numbers. */
export const valuesOf = (xs: readonly Tensor[]): readonly (readonly number[])[] => {
  const outputs = xs.map((x) => x.node)
  const inputs = toposort(outputs).filter((n): n is Input => n._tag === 'Input')
  return evaluate(
    { inputs, outputs },
    inputs.map((n) => given.get(n)!),
  ).map((values) => [...values])
}
