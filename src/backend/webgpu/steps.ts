/** The kernels of a program as what the device is told: code, numbers, and which operand goes where. */
import { resultsOf, type Dispatch, type Kernel } from '../../codegen/kernel.ts'
import type { Program } from '../../codegen/program.ts'
import type { Capabilities, Shader, Use } from '../../codegen/wgsl/shader.ts'
import { shaderOf, variantsOf, type Variant } from '../../codegen/wgsl/emit.ts'
import type { Device } from './device.ts'
import { alignment, demandBindable, useOf } from './cut.ts'
import { bufferBytes } from './frame.ts'
import { fault, guarded } from './faults.ts'
import type { Pipeline, Wanted } from './pipelines.ts'

/** Chooses among the ways to compute a kernel. */
export type Choose = (kernel: Kernel, variants: readonly Variant[], capabilities: Capabilities) => Variant

/** The first is the best guess. */
export const firstVariant: Choose = (_, variants) => variants[0]!

/** A dispatch with its code. */
export type Step = Wanted & { readonly dispatch: Dispatch }

/** What lives during a run shares the arena, and WebGPU wants all of a buffer to be used alike: it is bound for writing. */
export const usesEvery = (program: Program, { operands }: Dispatch, caps: Capabilities): readonly Use[] =>
  operands.map((id) => {
    const moves = /Scratch|Output/.test(program.buffers[id]!.purpose._tag)
    return useOf(moves ? 'read_write' : 'read', bufferBytes(program, id), caps)
  })

/** Values that are computed once have buffers of their own. */
const usesOnce = (program: Program, { kernel, operands }: Dispatch, caps: Capabilities): readonly Use[] =>
  operands.map((id, i) => {
    const moves = i < resultsOf(kernel) || program.buffers[id]!.purpose._tag === 'Scratch'
    return useOf(moves ? 'read_write' : 'read', bufferBytes(program, id), caps)
  })

const stepsOf = (
  program: Program,
  dispatches: readonly Dispatch[],
  uses: typeof usesEvery,
  capabilities: Capabilities,
  choose: Choose,
): readonly Step[] =>
  dispatches.map((dispatch) => {
    demandBindable(dispatch, (id) => bufferBytes(program, id), capabilities)
    const { kernel, label } = dispatch
    const variants = variantsOf(kernel, capabilities)
    if (variants.length === 0) throw fault(`${label}: there is no code for ${kernel._tag}`)
    const variant = choose(kernel, variants, capabilities)
    return { dispatch, label, shader: shaderOf(kernel, uses(program, dispatch, capabilities), variant, capabilities) }
  })

/** The steps of every run. */
export const everySteps = (program: Program, capabilities: Capabilities, choose: Choose): readonly Step[] =>
  stepsOf(program, program.every, usesEvery, capabilities, choose)

/** Steps that are taken once. */
export const onceStepsOf = (
  program: Program,
  dispatches: readonly Dispatch[],
  capabilities: Capabilities,
  choose: Choose,
): readonly Step[] => stepsOf(program, dispatches, usesOnce, capabilities, choose)

/** The numbers of all steps in one block, equal ones once; and where those of each begin. */
export const numbersOf = (
  steps: readonly { readonly shader: Shader }[],
): { readonly words: Uint32Array<ArrayBuffer>; readonly offsets: readonly number[] } => {
  const places = new Map<string, number>()
  const blocks: (readonly number[])[] = []
  let bytes = 0
  const offsets = steps.map(({ shader: { params } }) => {
    const key = params.join()
    const there = places.get(key)
    if (there !== undefined) return there
    places.set(key, bytes)
    blocks.push(params)
    const at = bytes
    bytes += Math.ceil((4 * params.length) / alignment) * alignment
    return at
  })
  const words = new Uint32Array(bytes / 4)
  const starts = [...places.values()]
  blocks.forEach((block, i) => words.set(block, starts[i]! / 4))
  return { words, offsets }
}

/** A step as it is encoded. */
export type Ready = {
  readonly label: string
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly workgroups: Shader['workgroups']
}

/** Binds a step's numbers and operands. `sound` rejects with a `DeviceError` that names the step. */
export const bind = (
  device: Device,
  { shader, label }: Step,
  { pipeline, layout }: Pipeline,
  numbers: GPUBufferBinding,
  operand: (i: number, window: number) => GPUBufferBinding,
): { readonly ready: Ready; readonly sound: Promise<void> } => {
  const entries: GPUBindGroupEntry[] = shader.bindings.map((b, i) => ({
    binding: i + 1,
    resource: operand(b.operand, b.window),
  }))
  if (shader.params.length > 0)
    entries.push({ binding: 0, resource: { ...numbers, size: 16 * Math.ceil(shader.params.length / 4) } })
  const { made, sound } = guarded(device.gpu, label, () => device.gpu.createBindGroup({ layout, entries, label }))
  device.counts.bindGroups++
  return { ready: { label, pipeline, group: made, workgroups: shader.workgroups }, sound }
}

/** Encodes steps. Named, their labels are there for profilers and for messages about errors. */
export const encode = (pass: GPUComputePassEncoder, steps: readonly Ready[], named = false): number => {
  let current: GPUComputePipeline | undefined
  let count = 0
  for (const { label, pipeline, group, workgroups } of steps) {
    const [x, y, z] = workgroups
    if (x * y * z === 0) continue
    if (pipeline !== current) pass.setPipeline(pipeline)
    current = pipeline
    if (named) pass.pushDebugGroup(label)
    pass.setBindGroup(0, group)
    pass.dispatchWorkgroups(x, y, z)
    if (named) pass.popDebugGroup()
    count++
  }
  return count
}
