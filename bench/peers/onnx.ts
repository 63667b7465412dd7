/** Our graphs as ONNX models in onnxruntime: in Node, in WebAssembly, in a browser. */
import { bound, fromStorage, leaves, read, rebuild, Tensor, toOnnx, trace, type DType, type Storage } from 'diffold'
import type { Tree, Work } from '../workloads/work.ts'
import { folding, type Peer } from './peer.ts'

/** As much of onnxruntime's interface as is used; Node's and the web's have it in common. */
export type Onnxruntime = {
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => OnnxTensor
  readonly InferenceSession: {
    readonly create: (model: Uint8Array, options: Readonly<Record<string, unknown>>) => Promise<OnnxSession>
  }
}
type OnnxTensor = { readonly data: Storage; readonly dispose?: () => void }
type OnnxSession = {
  readonly outputNames: readonly string[]
  readonly run: (feeds: Readonly<Record<string, OnnxTensor>>) => Promise<Readonly<Record<string, OnnxTensor>>>
}

const typeOf = (dtype: DType): string =>
  ({ f32: 'float32', f16: 'float16', bf16: '', i32: 'int32', u32: 'uint32', bool: 'bool' })[dtype]

const valuesOf = async (x: Tensor | number): Promise<Storage> => {
  if (typeof x === 'number') return Float32Array.of(x)
  return x.node._tag === 'Buffer' && x.node.source._tag === 'Host' ? x.node.source.data : read(x)
}

/** The fold, a session run a step. */
export const onnxPeer = async (
  ort: Onnxruntime,
  description: string,
  options: Readonly<Record<string, unknown>>,
  work: Work,
): Promise<Peer> => {
  const example: [Tree, Tree, Tree] = [work.start, work.inputs[0], work.given]
  const traced = trace(work.step, example)
  const session = await ort.InferenceSession.create(toOnnx(work.step, example), options)
  const { inputs, outputs } = traced.graph
  return folding(description, work.start, work.inputs, async (state, t) => {
    const given = leaves([state, t, work.given]).map(([, leaf]) => leaf)
    const feeds: Record<string, OnnxTensor> = {}
    for (const [i, n] of inputs.entries()) {
      const values = await valuesOf(bound(traced.bindings[i]!, given))
      feeds[n.name] = new ort.Tensor(typeOf(n.dtype), values, n.shape)
    }
    const results = await session.run(feeds)
    const values = session.outputNames.map((name, i) =>
      fromStorage(results[name]!.data, outputs[i]!.shape, outputs[i]!.dtype),
    )
    const next = rebuild(traced, given, values)
    return { state: next, seen: await read(work.seen(next)) }
  })
}
