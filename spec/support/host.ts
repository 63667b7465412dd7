/** The semantics, as a function: values of a tensor by the evaluator. */
import { evaluate } from '../../src/graph/evaluate/evaluate.ts'
import type { Precision, Values } from '../../src/graph/evaluate/values.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

/** The values of a tensor that depends on nothing but values on the host. */
export const valuesOf = (x: Tensor, precision: Precision = 'f64'): Values =>
  evaluate({ inputs: [], outputs: [x.node] }, [], precision)[0]!

/** The same as a list. */
export const list = (x: Tensor, precision: Precision = 'f64'): number[] => [...valuesOf(x, precision)]
