import { expect, it } from 'vitest'
import { compile, read } from '../../src/backend/compile.ts'
import type { Operand } from '../../src/backend/backend.ts'
import { Buffers } from '../../src/backend/webgpu/buffers.ts'
import { noCounts } from '../../src/backend/webgpu/counts.ts'
import { guarded } from '../../src/backend/webgpu/faults.ts'
import { Pipelines } from '../../src/backend/webgpu/pipelines.ts'
import { webgpu } from '../../src/backend/webgpu/webgpu.ts'
import { DeviceError } from '../../src/errors.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { trace } from '../../src/tensor/trace.ts'
import { valuesOf } from '../support/host.ts'
import { describeWebgpu, on, started } from './started.ts'

const x = tensor(
  Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i)),
  [64, 64],
)
const input: Operand = { data: Float32Array.from(valuesOf(x, 'f32')), shape: x.shape, dtype: 'f32' }
/** Values that several kernels read, so that they are in memory. */
const f = (a: Tensor): Tensor => {
  const rows = a.sub(a.mean(-1))
  const columns = rows.div(rows.square().sum(0).add(1))
  return columns.add(columns.mean(-1)).add(rows)
}

describeWebgpu('what goes wrong on WebGPU', () => {
  it('is a DeviceError with figures where values are larger than a kernel can be given', async () => {
    const on = await webgpu({ limits: { maxStorageBufferBindingSize: 2048, maxStorageBuffersPerShaderStage: 8 } })
    expect(() => on.prepare(trace(f, [x]).graph)).toThrow(DeviceError)
    expect(() => on.prepare(trace(f, [x]).graph)).toThrow(
      /^webgpu: .*: values of .*16\.0 KiB.*; a kernel on this device is given 8 parts of 2\.0 KiB at most$/,
    )
  })

  it('is nothing where what lives during a run exceeds a buffer: it lies in several', async () => {
    const on = await webgpu({ limits: { maxBufferSize: 24 * 1024 } })
    const [y] = await on.prepare(trace(f, [x]).graph).run([input])
    const [got, want] = [await y!.read(), valuesOf(f(x))]
    want.forEach((w, i) => expect(Math.abs(got[i]! - w)).toBeLessThan(1e-5))
  })

  it('names the kernel whose code is refused', async () => {
    const { gpu } = (await started()).device()
    const shader = { code: '@compute fn main() { oops }', params: [], bindings: [], workgroups: [1, 1, 1] } as const
    const failure = new Pipelines(gpu, noCounts()).all([{ shader, label: 'conv + silu · down_blocks.0.conv.weight' }])
    await expect(failure).rejects.toMatchObject({ _tag: 'DeviceError' })
    await expect(failure).rejects.toThrow(/webgpu: conv \+ silu · down_blocks\.0\.conv\.weight: /)
  })

  it('is what a device says of a command, with what it was for', async () => {
    const { gpu } = (await started()).device()
    const { sound } = guarded(gpu, 'softmax', () => gpu.createBuffer({ size: 16, usage: 0xffff }))
    await expect(sound).rejects.toThrow(/webgpu: softmax: /)
    // And does not stop what follows.
    expect(await read(compile((a: Tensor) => a.add(1), on)(tensor([1])))).toEqual(Float32Array.of(2))
  })

  it('is a DeviceError with figures where the device is out of memory', async () => {
    const { gpu } = (await started()).device()
    const full = new Proxy(gpu, {
      get: (target, name) => {
        if (name === 'popErrorScope')
          return async () => {
            await target.popErrorScope()
            return new GPUOutOfMemoryError('no room')
          }
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value as () => unknown).bind(target) : value
      },
    })
    const buffers = new Buffers(full, noCounts())
    await expect(buffers.take([2 ** 20], 'values', 'linear · to_q.weight')).rejects.toThrow(
      'webgpu: linear · to_q.weight: 1.0 MiB more than the 0.0 KiB in use: out of memory: no room',
    )
    expect(buffers.held).toEqual({ values: 0, bytes: 0 })
    await expect(buffers.take([2 ** 60], 'values', 'weights')).rejects.toThrow('in one buffer')
  })

  it('is no adapter where there is none', async () => {
    const { gpu } = navigator
    Object.defineProperty(navigator, 'gpu', { value: { requestAdapter: async () => null }, configurable: true })
    try {
      await expect(webgpu()).rejects.toThrow('webgpu: WebGPU offers no adapter')
    } finally {
      Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true })
    }
  })
})
