/** Compiled kernels: one pipeline for all kernels of the same code. */
import type { Access, Shader } from '../../codegen/wgsl/shader.ts'
import type { Compiled } from '../progress.ts'
import type { Counts } from './counts.ts'
import { asFault, fault } from './faults.ts'

/** A kernel's code and the layout of what it is given: numbers first, where it has any, then its operands. Has it been `used`? */
export type Pipeline = { readonly pipeline: GPUComputePipeline; readonly layout: GPUBindGroupLayout; used: boolean }

/** A kernel to compile, and which nodes of a model it computes. */
export type Wanted = { readonly shader: Shader; readonly label: string }

const layoutKey = ({ params, bindings }: Shader): string =>
  `${params.length > 0 ? 'u' : ''}${bindings.map((b) => (b.access === 'read' ? 'r' : 'w')).join('')}`

/** Equal keys, equal pipelines. */
export const pipelineKey = (shader: Shader): string => `${layoutKey(shader)}\n${shader.code}`

const entryOf = (binding: number, type: GPUBufferBindingType): GPUBindGroupLayoutEntry => ({
  binding,
  visibility: GPUShaderStage.COMPUTE,
  buffer: { type },
})
const typeOf = (access: Access): GPUBufferBindingType => (access === 'read' ? 'read-only-storage' : 'storage')

/** A device's pipelines. */
export class Pipelines {
  readonly #gpu: GPUDevice
  readonly #counts: Counts
  readonly #layouts = new Map<string, { readonly group: GPUBindGroupLayout; readonly all: GPUPipelineLayout }>()
  readonly #made = new Map<string, Promise<Pipeline>>()

  constructor(gpu: GPUDevice, counts: Counts) {
    this.#gpu = gpu
    this.#counts = counts
  }

  /** How many there are. */
  get size(): number {
    return this.#made.size
  }

  /** The pipeline of each kernel, those that there are not yet compiled side by side. Rejects with a `DeviceError` that names the kernel. */
  async all(wanted: readonly Wanted[], made?: (news: Compiled) => void): Promise<readonly Pipeline[]> {
    const missing = new Map(
      wanted.map((w) => [pipelineKey(w.shader), w] as const).filter(([key]) => !this.#made.has(key)),
    )
    let done = 0
    for (const [key, { shader, label }] of missing) {
      const start = performance.now()
      const pipeline = this.#compile(shader, label)
      this.#made.set(key, pipeline)
      pipeline.then(
        () => made?.({ done: ++done, total: missing.size, label, ms: performance.now() - start }),
        () => this.#made.delete(key),
      )
    }
    return Promise.all(wanted.map((w) => this.#made.get(pipelineKey(w.shader))!))
  }

  async #compile(shader: Shader, label: string): Promise<Pipeline> {
    const { group, all } = this.#layoutOf(shader)
    this.#gpu.pushErrorScope('validation')
    const module = this.#gpu.createShaderModule({ code: shader.code, label })
    const scope = this.#gpu.popErrorScope().catch(() => null)
    const compute = { module, entryPoint: 'main' }
    try {
      const pipeline = await this.#gpu.createComputePipelineAsync({ layout: all, compute, label })
      this.#counts.pipelines++
      return { pipeline, layout: group, used: false }
    } catch (error) {
      const told = await scope
      throw told === null ? asFault(label, error) : fault(`${label}: ${told.message}`)
    }
  }

  #layoutOf(shader: Shader): { readonly group: GPUBindGroupLayout; readonly all: GPUPipelineLayout } {
    const key = layoutKey(shader)
    const there = this.#layouts.get(key)
    if (there !== undefined) return there
    const entries = [
      ...(shader.params.length > 0 ? [entryOf(0, 'uniform')] : []),
      ...shader.bindings.map(({ access }, i) => entryOf(i + 1, typeOf(access))),
    ]
    const group = this.#gpu.createBindGroupLayout({ entries, label: key })
    const made = { group, all: this.#gpu.createPipelineLayout({ bindGroupLayouts: [group], label: key }) }
    this.#layouts.set(key, made)
    return made
  }
}
