/** The evaluator as a backend: slow, exact, everywhere. */
import { allocate, toBrain, toHalf, widen, type DType, type Storage } from '../core/dtype.ts'
import { buffer } from '../graph/build.ts'
import { evaluate } from '../graph/evaluate/evaluate.ts'
import type { Values } from '../graph/evaluate/values.ts'
import { toposort, type Graph, type Node } from '../graph/node.ts'
import { print } from '../graph/print.ts'
import { replaced } from '../graph/rewrite.ts'
import { ProgramError } from '../errors.ts'
import type { Backend, DeviceValue, Operand } from './backend.ts'

/** Evaluated values as a dtype stores them. */
export const store = (dtype: DType, values: Values): Storage => {
  const out = allocate(dtype, values.length)
  if (dtype === 'f16') for (let i = 0; i < out.length; i++) out[i] = toHalf(values[i]!)
  else if (dtype === 'bf16') for (let i = 0; i < out.length; i++) out[i] = toBrain(values[i]!)
  else out.set(values)
  return out
}

const held = new Map<DeviceValue, { readonly dtype: DType; readonly data: Storage }>()

const hold = (dtype: DType, data: Storage): DeviceValue => {
  const value: DeviceValue = {
    read: () => {
      const there = held.get(value)
      return there === undefined
        ? Promise.reject(new ProgramError('host: the value was disposed'))
        : Promise.resolve(there.data)
    },
    dispose: () => void held.delete(value),
  }
  held.set(value, { dtype, data })
  return value
}

const valuesOf = (x: Operand): Values => {
  if ('data' in x) return widen(x.dtype, x.data) as Values
  const there = held.get(x)
  if (there === undefined) throw new ProgramError('host: a value was used after it was disposed')
  return widen(there.dtype, there.data) as Values
}

/** The graph with results read, which are on whatever device they were computed on. */
const withResultsRead = async (graph: Graph): Promise<Graph> => {
  const read = new Map<Node, Node>()
  for (const n of toposort(graph.outputs))
    if (n._tag === 'Buffer' && n.source._tag === 'Device')
      read.set(n, buffer({ _tag: 'Host', data: await n.source.resident.read() }, n.shape, n.dtype, n.label))
  return replaced(graph, read)
}

/** float32 arithmetic by `evaluate`. */
export const host: Backend = {
  name: 'host',
  description: 'host: the evaluator, float32',
  prepare: (graph) => ({
    run: async (inputs) => {
      const results = evaluate(await withResultsRead(graph), inputs.map(valuesOf), 'f32')
      return graph.outputs.map((n, i) => hold(n.dtype, store(n.dtype, results[i]!)))
    },
    listing: print(graph),
    dispose: () => undefined,
  }),
  memory: () => ({ values: held.size, bytes: [...held.values()].reduce((sum, v) => sum + v.data.byteLength, 0) }),
}
