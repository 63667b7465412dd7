/** A started device and what programs on it have in common: buffers, pipelines, weights, and a block for what lives during a run. */
import type { Capabilities } from '../../codegen/wgsl/shader.ts'
import { Residents } from '../residents.ts'
import { classOf, isBusyWaiting, requestAdapter, type AdapterClass } from './adapter.ts'
import { Buffers } from './buffers.ts'
import { cutOf, type Cut } from './cut.ts'
import { noCounts } from './counts.ts'
import { fault } from './faults.ts'
import { Pipelines } from './pipelines.ts'

/** Runs that may be on their way: enough that the device is never idle, few enough that an abort is heard. */
const mostRunning = 2

const wished: readonly GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query']

/** How long a run took. */
export type Pace = { ms: number }

const limitsOf = (adapter: GPUAdapter): Record<string, number> => {
  const limits: Record<string, number> = {}
  const all = adapter.limits as unknown as Readonly<Record<string, unknown>>
  for (const name in all) if (typeof all[name] === 'number') limits[name] = all[name]
  return limits
}

/** Less than the adapter allows, or the ways of another kind, to try what such an adapter would do. */
export type Limits = {
  readonly maxStorageBufferBindingSize?: number
  readonly maxBufferSize?: number
  readonly maxStorageBuffersPerShaderStage?: number
  readonly adapter?: AdapterClass
}

const capabilitiesOf = ({ features, limits, adapterInfo }: GPUDevice, lesser: Limits): Capabilities => {
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = adapterInfo
  return {
    subgroups: features.has('subgroups'),
    subgroupSize: subgroupMinSize === subgroupMaxSize ? subgroupMinSize : 0,
    f16: features.has('shader-f16'),
    maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupStorage: limits.maxComputeWorkgroupStorageSize,
    maxStorageBuffers: lesser.maxStorageBuffersPerShaderStage ?? limits.maxStorageBuffersPerShaderStage,
    maxBinding: Math.min(
      lesser.maxStorageBufferBindingSize ?? limits.maxStorageBufferBindingSize,
      lesser.maxBufferSize ?? limits.maxBufferSize,
    ),
    adapter: lesser.adapter ?? classOf(adapterInfo),
  }
}

/** The adapter's device with its full limits and what features are of use. Rejects with a `DeviceError` where there is none. */
export const startDevice = async (lesser: Limits = {}): Promise<Device> => {
  const found = await requestAdapter()
  if (typeof found === 'string') throw fault(found)
  const { adapter, description } = found
  const gpu = await adapter
    .requestDevice({
      label: 'diffold',
      requiredFeatures: wished.filter((f) => adapter.features.has(f)),
      requiredLimits: limitsOf(adapter),
    })
    .catch((error: unknown) => {
      throw fault(`${description} gives no device: ${error instanceof Error ? error.message : String(error)}`)
    })
  return new Device(gpu, description, lesser)
}

/** A device. */
export class Device {
  readonly gpu: GPUDevice
  readonly description: string
  readonly capabilities: Capabilities
  /** Bytes of the largest buffer. */
  readonly mostBytes: number
  /** How values too large for one binding or one buffer are cut. */
  readonly cut: Cut
  readonly counts = noCounts()
  readonly buffers: Buffers
  readonly pipelines: Pipelines
  /** Values by recipe, each in as many buffers as it takes. */
  readonly residents: Residents<readonly GPUBuffer[]>
  /** Is called before anything is submitted: who shares the device sends what it has put off. */
  readonly beforeSubmit = new Set<() => void>()
  #lost: string | undefined
  #faults: string[] = []
  #segments: readonly GPUBuffer[] = []
  readonly #running: Promise<unknown>[] = []
  readonly #isPatient: boolean

  constructor(gpu: GPUDevice, description: string, lesser: Limits) {
    this.gpu = gpu
    this.description = description
    this.capabilities = capabilitiesOf(gpu, lesser)
    this.mostBytes = lesser.maxBufferSize ?? gpu.limits.maxBufferSize
    this.cut = cutOf(this.capabilities.maxBinding, this.mostBytes)
    this.buffers = new Buffers(gpu, this.counts, this.mostBytes)
    this.pipelines = new Pipelines(gpu, this.counts)
    this.residents = new Residents((parts) => parts.forEach((buffer) => this.buffers.destroy(buffer)))
    // A software adapter needs the core that waiting would take.
    this.#isPatient = isBusyWaiting() && this.capabilities.adapter !== 'gpu'
    void gpu.lost.then(({ message, reason }) => (this.#lost = `the device was lost (${message.trim() || reason})`))
    gpu.addEventListener('uncapturederror', (event) => {
      event.preventDefault()
      this.#faults.push(event.error.message)
    })
  }

  /** Has it been lost? */
  get lost(): boolean {
    return this.#lost !== undefined
  }

  /** Throws a `DeviceError` where the device is lost, or has told of a fault that nobody has been told of. */
  demandHealth(): void {
    const told = this.#lost ?? this.#faults.shift()
    if (told !== undefined) throw fault(told)
  }

  /** Buffers of these sizes for what lives during a run; the same ones as long as they are large enough. Programs run one after the other. */
  async arena(sizes: readonly number[]): Promise<readonly GPUBuffer[]> {
    if (sizes.every((size, i) => (this.#segments[i]?.size ?? 0) >= size)) return this.#segments
    const grown = Array.from({ length: Math.max(sizes.length, this.#segments.length) }, (_, i) =>
      Math.max(sizes[i] ?? 0, this.#segments[i]?.size ?? 0),
    )
    // The old ones first: there may be no room for both.
    for (const old of this.#segments) this.buffers.destroy(old)
    this.#segments = []
    this.#segments = await this.buffers.take(grown, 'values', 'memory during a run')
    return this.#segments
  }

  /** Sends commands to the device. */
  submit(commands: GPUCommandBuffer): void {
    for (const flush of this.beforeSubmit) flush()
    this.gpu.queue.submit([commands])
    this.counts.submits++
  }

  /** Resolves when there is room for another run. */
  async turn(): Promise<void> {
    while (this.#running.length >= mostRunning) await this.#running.shift()
  }

  /** A run is on its way, and `sound`: resolves when it has been carried out. `pace` remembers how long such a run takes. */
  follow(sound: Promise<void>, pace: Pace): Promise<void> {
    const before = this.#running.at(-1)
    const carriedOut = async (): Promise<void> => {
      await sound
      await before
      const start = performance.now()
      if (this.#isPatient && pace.ms > 2) await new Promise((done) => setTimeout(done, 0.85 * pace.ms))
      await this.idle()
      pace.ms = performance.now() - start
    }
    const done = carriedOut()
    this.#running.push(done.catch(() => undefined))
    return done
  }

  /** Resolves when all that was submitted has been carried out. Rejects with a `DeviceError` if the device was lost. */
  async idle(): Promise<void> {
    await this.gpu.queue.onSubmittedWorkDone().catch(() => this.gone())
    this.demandHealth()
  }

  /** Throws the `DeviceError` of a loss; it is told in its own time, which may be after the failure that it is the reason for. */
  async gone(): Promise<void> {
    if (this.#lost === undefined) await Promise.race([this.gpu.lost, new Promise((done) => setTimeout(done, 100))])
    if (this.#lost !== undefined) this.demandHealth()
  }
}
