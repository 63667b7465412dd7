/** Single kernels on a WebGPU adapter, without the runtime: operands are typed arrays, the first of which are written. */
import type { Storage } from '../../src/core/dtype.ts'
import { resultsOf, type Kernel } from '../../src/codegen/kernel.ts'
import { shaderOf, variantsOf, type Variant } from '../../src/codegen/wgsl/emit.ts'
import type { Capabilities, Shader, Use } from '../../src/codegen/wgsl/shader.ts'
import { classOf, requestAdapter } from '../../src/backend/webgpu/adapter.ts'

/** A device, and what it can do. */
export type Bench = { readonly device: GPUDevice; readonly caps: Capabilities }

const opened: { bench?: Promise<Bench> } = {}

/** The device of this process; `softwareAdapter` comes before it. */
export const bench = (): Promise<Bench> => (opened.bench ??= open())

const open = async (): Promise<Bench> => {
  const found = await requestAdapter()
  if (typeof found === 'string') throw new Error(found)
  const { adapter } = found
  const has = (name: string): boolean => adapter.features.has(name)
  const { limits, info } = adapter
  const device = await adapter.requestDevice({
    requiredFeatures: ['subgroups', 'shader-f16', 'timestamp-query'].filter(has) as GPUFeatureName[],
    requiredLimits: {
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxBufferSize: limits.maxBufferSize,
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    },
  })
  const { subgroupMinSize: least, subgroupMaxSize: most } = info
  const caps: Capabilities = {
    subgroups: has('subgroups'),
    subgroupSize: least === most ? (least ?? 0) : 0,
    f16: has('shader-f16'),
    maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupStorage: limits.maxComputeWorkgroupStorageSize,
    maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
    maxBinding: limits.maxStorageBufferBindingSize,
    adapter: classOf(info),
  }
  return { device, caps }
}

const pipelines = new Map<string, GPUComputePipeline>()

/** How many different pipelines have been made. */
export const pipelineCount = (): number => pipelines.size

const pipelineOf = async (device: GPUDevice, shader: Shader): Promise<GPUComputePipeline> => {
  const there = pipelines.get(shader.code)
  if (there !== undefined) return there
  device.pushErrorScope('validation')
  const module = device.createShaderModule({ code: shader.code })
  const made = device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } })
  const error = await device.popErrorScope()
  if (error !== null) throw new Error(`${error.message}\n${shader.code}`)
  pipelines.set(shader.code, made)
  return made
}

const onDevice = (data: Storage): Uint8Array<ArrayBuffer> => {
  // A bool is a word; a buffer holds whole words.
  const words = data instanceof Uint8Array ? Uint32Array.from(data) : data
  const out = new Uint8Array(Math.max(16, Math.ceil(words.byteLength / 16) * 16))
  out.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength))
  return out
}

const toHost = (bytes: ArrayBuffer, like: Storage): Storage => {
  if (like instanceof Float32Array) return new Float32Array(bytes).slice(0, like.length)
  if (like instanceof Int32Array) return new Int32Array(bytes).slice(0, like.length)
  if (like instanceof Uint16Array) return new Uint16Array(bytes).slice(0, like.length)
  const words = new Uint32Array(bytes).slice(0, like.length)
  return like instanceof Uint8Array ? Uint8Array.from(words) : words
}

/** A kernel made ready: `run` starts it so many times and resolves when it is done; `result` is the first operand, or another one. */
export type Prepared = {
  readonly shader: Shader
  readonly run: (times?: number) => Promise<void>
  readonly result: (operand?: number) => Promise<Storage>
  readonly destroy: () => void
}

/** How many windows of so many bytes an operand takes. */
const windowsOf = (o: Storage, window: number): number => Math.max(1, Math.ceil(onDevice(o).byteLength / window))

/** The smallest window that leaves a kernel no more bindings than there may be. */
export const smallestWindow = async (operands: readonly Storage[]): Promise<number> => {
  const { caps } = await bench()
  const most = Math.max(...operands.map((o) => onDevice(o).byteLength))
  let window = 256
  while (window < most && operands.reduce((n, o) => n + windowsOf(o, window), 0) > caps.maxStorageBuffers) window += 256
  return window
}

/** Makes a kernel ready, its operands bound in windows of so many bytes. Bools are given as a Uint8Array; 16-bit floats as a Uint16Array. */
export const prepare = async (
  k: Kernel,
  operands: readonly Storage[],
  variant?: Variant,
  window = Infinity,
): Promise<Prepared> => {
  const { device, caps } = await bench()
  const uses = operands.map((o, i): Use => {
    const access = i < resultsOf(k) ? 'read_write' : 'read'
    const windows = windowsOf(o, window)
    return windows === 1 ? access : { access, windows, bytes: window }
  })
  const shader = shaderOf(k, uses, variant ?? variantsOf(k, caps)[0]!, caps)
  const pipeline = await pipelineOf(device, shader)
  device.pushErrorScope('validation')
  const made: GPUBuffer[] = []
  const filled = (bytes: Uint8Array<ArrayBuffer>, usage: number): GPUBuffer => {
    const buffer = device.createBuffer({ size: bytes.byteLength, usage: usage | GPUBufferUsage.COPY_DST })
    device.queue.writeBuffer(buffer, 0, bytes)
    made.push(buffer)
    return buffer
  }
  const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC
  const buffers = operands.map((o) => filled(onDevice(o), storage))
  const uniform =
    shader.params.length === 0 ? [] : [filled(onDevice(Uint32Array.from(shader.params)), GPUBufferUsage.UNIFORM)]
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [
      ...uniform.map((buffer) => ({ binding: 0, resource: { buffer } })),
      ...shader.bindings.map(({ operand, window: w }, i) => {
        const buffer = buffers[operand]!
        const offset = w === 0 ? 0 : w * window
        return { binding: i + 1, resource: { buffer, offset, size: Math.min(buffer.size - offset, window) } }
      }),
    ],
  })
  const error = await device.popErrorScope()
  if (error !== null) throw new Error(`${error.message}\n${shader.code}`)
  return {
    shader,
    run: async (times = 1) => {
      device.pushErrorScope('validation')
      const encoder = device.createCommandEncoder()
      const pass = encoder.beginComputePass()
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      for (let i = 0; i < times; i++) pass.dispatchWorkgroups(...shader.workgroups)
      pass.end()
      device.queue.submit([encoder.finish()])
      const wrong = await device.popErrorScope()
      if (wrong !== null) throw new Error(`${wrong.message}\n${shader.code}`)
      await device.queue.onSubmittedWorkDone()
    },
    result: async (operand = 0) => {
      const { size } = buffers[operand]!
      const out = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
      const encoder = device.createCommandEncoder()
      encoder.copyBufferToBuffer(buffers[operand]!, 0, out, 0, size)
      device.queue.submit([encoder.finish()])
      await out.mapAsync(GPUMapMode.READ)
      const bytes = out.getMappedRange().slice(0)
      out.destroy()
      return toHost(bytes, operands[operand]!)
    },
    destroy: () => made.forEach((b) => b.destroy()),
  }
}

/** What a kernel leaves in its first operand. */
export const runKernel = async (k: Kernel, operands: readonly Storage[], variant?: Variant): Promise<Storage> => {
  const ready = await prepare(k, operands, variant)
  await ready.run()
  const out = await ready.result()
  ready.destroy()
  return out
}
