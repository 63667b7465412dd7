/** Functions as programs. */
import { bytesOf, widen, type Storage } from '../core/dtype.ts'
import { size } from '../core/shape.ts'
import { DeviceError, DTypeError, ProgramError } from '../errors.ts'
import * as build from '../graph/build.ts'
import { toposort, type Buffer, type Graph, type Node } from '../graph/node.ts'
import { Tensor } from '../tensor/tensor.ts'
import { bound, rebuild, trace, type Traced } from '../tensor/trace.ts'
import { leaves, skeleton } from '../tensor/tree.ts'
import type { Backend, BackendName, DeviceValue, Executable, KernelTime, Operand, ProgramOptions } from './backend.ts'
import { enqueue } from './queue.ts'
import { isResult, resultOf } from './result.ts'
import { backend, defaultBackend } from './select.ts'

/** Where a compiled function runs, the default backend unless named, and what is asked of its programs. */
export type CompileOptions = ProgramOptions & { readonly backend?: BackendName }

/** How often functions were traced and programs run in this process: counts, for specs. */
export const counts = { traces: 0, runs: 0 }

type Program<B> = { readonly traced: Traced<B>; readonly ready: Map<Backend, Executable> }

/**
 * `compile(f)` means what `f` means: delete the word and only the speed changes. `f` is a pure function of trees of tensors, numbers and
 * streams of noise. It is traced once for every skeleton of its arguments (shapes, dtypes and static values); numbers become uniforms,
 * so one program serves every timestep. A call returns at once: the results are tensors whose values arrive when they are `read`.
 */
export const compile = <A extends readonly unknown[], B>(
  f: (...args: A) => B,
  options: CompileOptions = {},
): ((...args: A) => B) => {
  const programs = new Map<string, Program<B>>()
  const programFor = (args: A): Program<B> => {
    const key = skeleton(args)
    const there = programs.get(key)
    if (there !== undefined) return there
    counts.traces++
    const program: Program<B> = { traced: trace(f, args), ready: new Map() }
    programs.set(key, program)
    return program
  }
  return (...args) => {
    const { traced, ready } = programFor(args)
    const given = leaves(args).map(([, leaf]) => leaf)
    const nodes = traced.bindings.map((b) => valueNode(bound(b, given)))
    demandLive(nodes)
    const values = launch(traced.graph, nodes, ready, options)
    return rebuild(traced, given, values)
  }
}

const valueNode = (x: Tensor | number): Node | number => (typeof x === 'number' ? x : x.node)

/** Refuses what was disposed before the call; what is disposed after it waits its turn in the queue. Throws `ProgramError`. */
const demandLive = (given: readonly (Node | number)[]): void => {
  const nodes = given.filter((x) => typeof x !== 'number')
  const dead = toposort(nodes).some(
    (n) => n._tag === 'Buffer' && n.source._tag === 'Device' && n.source.resident.disposed,
  )
  if (dead) throw new ProgramError('a result was used after it was disposed')
}

const launch = (
  graph: Graph,
  given: readonly (Node | number)[],
  ready: Map<Backend, Executable>,
  options: CompileOptions,
): Tensor[] => {
  const run = enqueueOn(graph, given, ready, options, async (executable, operands) => {
    counts.runs++
    return executable.run(operands)
  })
  return graph.outputs.map((n, i) => {
    const value = run.then((values) => values[i]!)
    const resident = resultOf(options.backend ?? 'the default backend', value)
    return new Tensor(build.buffer({ _tag: 'Device', resident }, n.shape, n.dtype))
  })
}

/** Does something with a program and its inputs on a backend, when its turn has come. */
const enqueueOn = <R>(
  graph: Graph,
  given: readonly (Node | number)[],
  ready: Map<Backend, Executable>,
  options: CompileOptions,
  job: (executable: Executable, operands: readonly Operand[], on: Backend) => Promise<R>,
): Promise<R> =>
  new Promise((resolve, reject) => {
    enqueue(async () => {
      const on = await (options.backend === undefined ? defaultBackend() : backend(options.backend))
      const executable = ready.get(on) ?? on.prepare(graph, options)
      ready.set(on, executable)
      const passing: DeviceValue[] = []
      try {
        const operands: Operand[] = []
        for (const x of given) operands.push(await operandOf(x, on, passing))
        resolve(await job(executable, operands, on))
      } finally {
        for (const value of passing) value.dispose()
      }
    }).catch(reject)
  })

/**
 * `await profile(f)(…args)`: how long each kernel of the program takes, in milliseconds by the device's own clock where it has one. The
 * program runs twice, so that what is done once is not counted. Rejects with `DeviceError` on a backend that does not tell.
 */
export const profile =
  <A extends readonly unknown[], B>(f: (...args: A) => B, options: CompileOptions = {}) =>
  async (...args: A): Promise<readonly KernelTime[]> => {
    const traced = trace(f, args)
    const given = leaves(args).map(([, leaf]) => leaf)
    const nodes = traced.bindings.map((b) => valueNode(bound(b, given)))
    return enqueueOn(traced.graph, nodes, new Map(), options, async (executable, operands, on) => {
      if (executable.profile === undefined) throw new DeviceError(on.name, 'does not tell how long kernels take')
      try {
        await executable.profile(operands)
        return await executable.profile(operands)
      } finally {
        executable.dispose()
      }
    })
  }

const operandOf = async (x: Node | number, on: Backend, passing: DeviceValue[]): Promise<Operand> => {
  if (typeof x === 'number') return { data: Float32Array.of(x), shape: [], dtype: 'f32' }
  if (x._tag === 'Buffer') return stored(x)
  const [value] = await on.prepare({ inputs: [], outputs: [x] }).run([])
  passing.push(value!)
  return value!
}

const stored = async (x: Buffer): Promise<Operand> => {
  if (x.source._tag === 'Host') return { data: x.source.data, shape: x.shape, dtype: x.dtype }
  const { resident } = x.source
  return isResult(resident) ? resident.value : { data: await resident.read(), shape: x.shape, dtype: x.dtype }
}

/** The values of any tensor as they are stored; an expression is computed first, on the default backend. */
const storageOf = async (x: Tensor): Promise<Storage> => {
  const { node } = x
  demandLive([node])
  if (node._tag === 'Buffer' && node.source._tag === 'Host') return node.source.data
  if (node._tag === 'Buffer' && node.source._tag === 'Device') return node.source.resident.read()
  const [result] = launch({ inputs: [], outputs: [node] }, [], new Map(), {})
  try {
    return await storageOf(result!)
  } finally {
    dispose(result)
  }
}

/** The values of a float tensor, row-major; f16 and bf16 widened. Computes it first if need be. Integers and bools: `readIntegers`. */
export const read = async (x: Tensor): Promise<Float32Array> => {
  const wide = widen(x.dtype, await storageOf(x))
  if (wide instanceof Float32Array) return wide
  throw new DTypeError('read', [x.dtype], 'is no float; use readIntegers')
}

/** The values of an i32, u32 or bool tensor, row-major. Floats: `read`. */
export const readIntegers = async (x: Tensor): Promise<Int32Array | Uint32Array | Uint8Array> => {
  const data = await storageOf(x)
  if (data instanceof Float32Array || data instanceof Uint16Array)
    throw new DTypeError('readIntegers', [x.dtype], 'is a float; use read')
  return data
}

/** Frees the device memory of every result in a tree. Results nobody holds are freed too, but later. Expressions own nothing. */
export const dispose = (tree: unknown): void => {
  for (const [, leaf] of leaves(tree))
    if (leaf instanceof Tensor && leaf.node._tag === 'Buffer' && leaf.node.source._tag === 'Device')
      leaf.node.source.resident.dispose()
}

/** The bytes a tensor takes when it is stored. */
export const bytes = (x: Tensor): number => size(x.shape) * bytesOf[x.dtype]
