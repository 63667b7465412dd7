/** Our WebGPU on a software adapter: what every spec of it starts with. */
import { describe } from 'vitest'
import type { Operand } from '../../src/backend/backend.ts'
import { backend } from '../../src/backend/select.ts'
import type { WebGpu } from '../../src/backend/webgpu/webgpu.ts'
import { widen } from '../../src/core/dtype.ts'
import { bound, trace } from '../../src/tensor/trace.ts'
import { leaves } from '../../src/tensor/tree.ts'
import type { Run } from '../reference/models.ts'
import { softwareAdapter } from '../support/software-adapter.ts'

const missing = softwareAdapter()

/** For `compile`: run it there. */
export const on = { backend: 'webgpu' } as const

/** The backend. */
export const started = async (): Promise<WebGpu> => (await backend('webgpu')) as WebGpu

/** Declares specs that need an adapter. */
export const describeWebgpu = (name: string, specs: () => void): void => {
  describe.skipIf(missing !== undefined)(`${name}${missing === undefined ? '' : ` (${missing})`}`, specs)
}

/** Waits until what was disposed is gone: it waits its turn. */
export const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((done) => setImmediate(done))
}

/** By a program of a backend that was made for the occasion. */
export const onOwn =
  (on: WebGpu): Run =>
  async (f, given) => {
    const traced = trace(f, [given])
    const all = leaves([given]).map(([, leaf]) => leaf)
    const operands = traced.bindings.map((b): Operand => {
      const x = bound(b, all)
      if (typeof x === 'number') return { data: Float32Array.of(x), shape: [], dtype: 'f32' }
      if (x.node._tag !== 'Buffer' || x.node.source._tag !== 'Host') throw new TypeError('an input is no value')
      return { data: x.node.source.data, shape: x.shape, dtype: x.dtype }
    })
    const executable = on.prepare(traced.graph)
    const values = await executable.run(operands)
    const read = await Promise.all(
      values.map(async (v, i) => widen(traced.graph.outputs[i]!.dtype, await v.read()) as ArrayLike<number>),
    )
    values.forEach((v) => v.dispose())
    executable.dispose()
    return Object.fromEntries(Object.keys(traced.result).map((key, i) => [key, read[i]!]))
  }
