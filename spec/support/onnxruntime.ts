/** Functions run by onnxruntime, as the models that `toOnnx` makes of them. */
import * as ort from 'onnxruntime-web'
import { computed, widen, type DType, type Storage } from '../../src/core/dtype.ts'
import type { Values } from '../../src/graph/evaluate/values.ts'
import { toOnnx } from '../../src/onnx/to-onnx.ts'
import { Tensor } from '../../src/tensor/tensor.ts'
import { bound, trace } from '../../src/tensor/trace.ts'
import { leaves } from '../../src/tensor/tree.ts'
import { valuesOf } from './host.ts'

ort.env.logLevel = 'error'
ort.env.wasm.numThreads = 1

const types = { f32: 'float32', f16: 'float16', i32: 'int32', u32: 'uint32', bool: 'bool' } as const

const typeOf = (dtype: DType): (typeof types)[keyof typeof types] => {
  if (dtype === 'bf16') throw new Error('onnxruntime-web has no bf16 tensors')
  return types[dtype]
}

const storage = (x: Tensor | number): Storage => {
  if (typeof x === 'number') return Float32Array.of(x)
  if (x.node._tag === 'Buffer' && x.node.source._tag === 'Host') return x.node.source.data
  return computed(x.dtype) === 'f32' ? Float32Array.from(valuesOf(x)) : (valuesOf(x) as Storage)
}

/** What the model gives for the arguments it was traced with, output after output; 16-bit floats widened. */
export const onOnnxruntime = async <A extends readonly unknown[]>(
  f: (...args: A) => unknown,
  ...args: A
): Promise<readonly Values[]> => {
  const { graph, bindings } = trace(f, args)
  const given = leaves(args).map(([, leaf]) => leaf)
  const feeds = Object.fromEntries(
    graph.inputs.map((n, i) => [
      n.name,
      new ort.Tensor(typeOf(n.dtype), storage(bound(bindings[i]!, given)) as never, n.shape),
    ]),
  )
  const session = await ort.InferenceSession.create(toOnnx(f, args))
  try {
    const results = await session.run(feeds)
    return session.outputNames.map((name, i) => {
      const { data } = results[name]!
      const dtype = graph.outputs[i]!.dtype
      return widen(dtype, data as Storage) as Values
    })
  } finally {
    await session.release()
  }
}
