/** Any graph, on any TensorFlow.js backend: op by op, freeing each value after its last use. */
import * as tf from '@tensorflow/tfjs-core'
import type { Storage } from '../../core/dtype.ts'
import { DeviceError, ProgramError } from '../../errors.ts'
import { input, withSources } from '../../graph/build.ts'
import { evaluate } from '../../graph/evaluate/evaluate.ts'
import { sources, type Buffer, type Const, type Graph, type Node } from '../../graph/node.ts'
import { opOf, typeOf } from '../../graph/print.ts'
import { inline } from '../../passes/inline.ts'
import { plan, type Plan, type Step } from '../../passes/plan.ts'
import { simplify } from '../../passes/simplify.ts'
import type { Pass } from '../../passes/pass.ts'
import type { Backend, DeviceValue, Executable, Operand } from '../backend.ts'
import { store } from '../host.ts'
import type { Device } from '../webgpu/device.ts'
import { channelsLast } from './channels-last.ts'
import { activate, demandHealth, start, type TfjsName } from './device.ts'
import { callKernels, lower, type Kernel } from './lower.ts'
import { demandRoom } from './room.ts'
import { download, upload } from './transfer.ts'

/** The passes between a traced graph and TensorFlow.js ops. */
export const tfjsPasses: readonly Pass[] = [inline(callKernels), channelsLast, simplify]

type Values = Map<Node, tf.Tensor>

/** A value that programs have in common, weights above all: kept while the node is. */
const residents = new Map<TfjsName, WeakMap<Node, tf.Tensor>>()
const orphans = new FinalizationRegistry<tf.Tensor>((x) => x.dispose())
const residentsOf = (name: TfjsName): WeakMap<Node, tf.Tensor> => {
  const there = residents.get(name) ?? new WeakMap<Node, tf.Tensor>()
  residents.set(name, there)
  return there
}

const tensors = new WeakMap<DeviceValue, { readonly backend: TfjsName; readonly x: tf.Tensor }>()
const own = (backend: TfjsName, x: tf.Tensor, n: Node): DeviceValue => {
  const value: DeviceValue = {
    read: async (): Promise<Storage> => {
      if (x.isDisposed) throw new ProgramError(`${backend}: the value was disposed`)
      const values = await download(x, n.dtype)
      demandHealth(backend)
      return store(n.dtype, values)
    },
    dispose: () => x.dispose(),
  }
  tensors.set(value, { backend, x })
  return value
}

const given = async (
  backend: TfjsName,
  operand: Operand,
  n: Node,
): Promise<{ readonly x: tf.Tensor; readonly ours: boolean }> => {
  if ('data' in operand) return { x: upload(operand.data, n.shape, operand.dtype), ours: true }
  const there = tensors.get(operand)
  if (there?.backend === backend) return { x: there.x, ours: false }
  return { x: upload(await operand.read(), n.shape, n.dtype), ours: true }
}

const onHost = async (n: Node, xs: readonly tf.Tensor[]): Promise<tf.Tensor> => {
  const inputs = sources(n).map((s, i) => input(`${i}`, s.shape, s.dtype))
  const values = await Promise.all(xs.map((x, i) => download(x, inputs[i]!.dtype)))
  const [out] = evaluate({ inputs, outputs: [withSources(n, inputs)] }, values, 'f32')
  return upload(store(n.dtype, out!), n.shape, n.dtype)
}

const leaf = async (n: Const | Buffer): Promise<tf.Tensor> => {
  if (n._tag === 'Const') return upload(store(n.dtype, Float64Array.of(n.value)), [], n.dtype)
  const data = n.source._tag === 'Host' ? n.source.data : await n.source.resident.read()
  return upload(data, n.shape, n.dtype)
}

/** A graph as a program of this TensorFlow.js backend. */
const prepare = (backend: TfjsName, graph: Graph): Executable => {
  const lowered = tfjsPasses.reduce((g, pass) => pass.run(g), graph)
  const program = plan(lowered)
  const kernels = new Map<Node, Kernel | undefined>(
    [...program.once, ...program.steps].map(({ node }) => [node, lower(node, backend)]),
  )
  const resident = residentsOf(backend)
  let ready = false

  const compute = async (n: Node, values: Values): Promise<tf.Tensor> => {
    const xs = sources(n).map((s) => values.get(s) ?? resident.get(s)!)
    const kernel = kernels.get(n)
    try {
      if (n._tag === 'Const' || n._tag === 'Buffer') return await leaf(n)
      if (kernel === undefined) return await onHost(n, xs)
      // A kernel may hand back its operand under a new shape; a clone shares the memory and has a life of its own.
      return tf.tidy(() => tf.clone(tf.reshape(kernel(xs), [...n.shape])))
    } catch (error) {
      if (error instanceof ProgramError) throw error
      throw new DeviceError(
        backend,
        `${opOf(n)} ${typeOf(n)}: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  const follow = async (steps: readonly Step[], values: Values): Promise<void> => {
    for (const { node, frees } of steps) {
      if (!resident.has(node)) values.set(node, await compute(node, values))
      for (const n of frees) {
        values.get(n)?.dispose()
        values.delete(n)
      }
    }
  }

  const adopt = (n: Node, x: tf.Tensor): void => {
    resident.set(n, x)
    orphans.register(n, x)
  }

  const settle = async (): Promise<void> => {
    if (backend === 'tfjs-wasm') demandRoom(program, (n) => resident.has(n))
    const values: Values = new Map()
    try {
      await follow(program.once, values)
      for (const n of program.kept) {
        const x = values.get(n)
        if (x !== undefined) adopt(n, x)
        values.delete(n)
      }
      ready = true
    } finally {
      for (const x of values.values()) x.dispose()
    }
  }

  const run = async (operands: readonly Operand[]): Promise<readonly DeviceValue[]> => {
    await activate(backend)
    if (!ready) await settle()
    const values: Values = new Map()
    const uploaded: tf.Tensor[] = []
    try {
      for (const [i, n] of lowered.inputs.entries()) {
        const { x, ours } = await given(backend, operands[i]!, n)
        if (ours) uploaded.push(x)
        values.set(n, x)
      }
      await follow(program.steps, values)
      return lowered.outputs.map((n) => own(backend, (values.get(n) ?? resident.get(n)!).clone(), n))
    } finally {
      for (const { node } of program.steps) values.get(node)?.dispose()
      for (const x of uploaded) x.dispose()
    }
  }
  return { run, listing: listing(program, kernels), dispose: () => undefined }
}

const listing = (program: Plan, kernels: ReadonlyMap<Node, Kernel | undefined>): string => {
  const names = new Map<Node, string>()
  const at = (n: Node): string => {
    if (n._tag === 'Const') return `${n.value}`
    if (n._tag === 'Buffer') return n.label ?? `captured ${typeOf(n)}`
    const name = n._tag === 'Input' ? n.name : (names.get(n) ?? `%${names.size}`)
    names.set(n, name)
    return name
  }
  const line = ({ node, frees }: Step): string => {
    const host = kernels.get(node) === undefined ? ' on the host' : ''
    const free =
      frees.length > 0
        ? `; free ${frees
            .filter((n) => n._tag !== 'Const')
            .map(at)
            .join(' ')}`
        : ''
    const args = sources(node).map(at).join(' ')
    return `  ${at(node)}: ${typeOf(node)} = ${opOf(node)} ${args}${host}${free}`
  }
  const part = (title: string, steps: readonly Step[]): string[] =>
    steps.length > 0
      ? [`${title}:`, ...steps.filter(({ node }) => node._tag !== 'Const' && node._tag !== 'Buffer').map(line)]
      : []
  return [
    ...part('once', program.once),
    ...part('every run', program.steps),
    `gives ${program.graph.outputs.map(at).join(', ')}`,
  ].join('\n')
}

/** A started TensorFlow.js backend, that on WebGPU on the given device. */
export const tfjs = async (name: TfjsName, device?: Device): Promise<Backend> => {
  const description = await start(name, device)
  return {
    name,
    description,
    prepare: (graph) => prepare(name, graph),
    memory: () => {
      const { numTensors, numBytes } = tf.memory()
      return { values: numTensors, bytes: numBytes }
    },
  }
}
