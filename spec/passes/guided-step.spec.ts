import { describe, expect, it } from 'vitest'
import { capabilitiesOfClass } from '../../src/backend/webgpu/classes.ts'
import { webgpuCompilation } from '../../src/backend/webgpu/compilation.ts'
import type { Capabilities } from '../../src/codegen/wgsl/shader.ts'
import { input } from '../../src/graph/build.ts'
import { check } from '../../src/graph/check.ts'
import { evaluate } from '../../src/graph/evaluate/evaluate.ts'
import { lower, type Stage } from '../../src/passes/lower.ts'
import { wasmTarget, webgpuTarget, type Target } from '../../src/passes/target.ts'
import { guidedStep, quarter, tiny } from '../support/guided-step.ts'
import { runProgram } from '../support/run-program.ts'

const webgpu = webgpuTarget({ maxStorageBuffers: 8, maxBinding: 2 ** 27 })

/** What GPUs grant beyond the least: what Metal and Vulkan on desktops do, and what phones do. */
const gpus: Readonly<Record<string, Partial<Capabilities>>> = {
  'the least that WebGPU grants': {},
  '10 buffers': { maxStorageBuffers: 10, maxWorkgroupStorage: 32768 },
  'large workgroups': { maxInvocations: 1024, maxWorkgroupStorage: 32768, maxStorageBuffers: 10, f16: true },
  subgroups: { subgroups: true, subgroupSize: 32, f16: true, maxInvocations: 1024, maxWorkgroupStorage: 32768 },
  'subgroups of any size': { subgroups: true, maxBinding: 2 ** 31 - 4 },
}
const adapters = [
  ...Object.entries(gpus).map(([what, more]) => [`gpu, ${what}`, { ...capabilitiesOfClass.gpu, ...more }] as const),
  ...(['lavapipe', 'swiftshader'] as const).map((name) => [name, capabilitiesOfClass[name]] as const),
]

describe('a guided step of a text-conditioned UNet', () => {
  it('means on WebGPU what the graph means, after every pass', () => {
    const { graph, inputs } = guidedStep(tiny, 8)
    const given = inputs()
    const want = evaluate(graph, given as Float64Array[])
    const agree = (got: readonly ArrayLike<number>[]): void =>
      want.forEach((values, i) => {
        const scale = Math.max(1, ...Array.from(values, Math.abs))
        Array.from(values).forEach((v, j) => expect(Math.abs(got[i]![j]! - v)).toBeLessThanOrEqual(1e-6 * scale))
      })
    const stages: Stage[] = []
    const program = lower(graph, webgpu, {}, (stage) => stages.push(stage))
    for (const stage of stages) if (stage._tag === 'Graph') agree(evaluate(check(stage.graph), given as Float64Array[]))
    agree(runProgram(program, given))
  })

  it('takes at most 250 dispatches of at most 8 operands on WebGPU, at a quarter of the width of Stable Diffusion 1.5', () => {
    const { graph } = guidedStep(quarter, 32, { empty: true })
    const program = lower(graph, webgpu)
    expect(program.every.length).toBeLessThanOrEqual(250)
    expect(Math.max(...program.every.map((d) => d.operands.length))).toBeLessThanOrEqual(8)
    const kinds = new Set(program.every.map((d) => d.kernel._tag))
    expect(Object.fromEntries([...kinds].map((k) => [k, program.every.filter((d) => d.kernel._tag === k).length])))
      .toMatchInlineSnapshot(`
      {
        "Gemm": 152,
        "Map": 2,
        "Normalise": 61,
        "PlainAttention": 32,
      }
    `)
    const wasm = lower(graph, wasmTarget)
    expect(wasm.every.length).toMatchInlineSnapshot(`757`)
  })

  it.each(adapters)('takes at most 250 dispatches and 60 pipelines: %s', (_, capabilities) => {
    const { graph } = guidedStep(quarter, 32, { empty: true })
    const { program, code } = webgpuCompilation(graph, capabilities)
    expect(program.every.length).toBeLessThanOrEqual(250)
    expect(new Set(code.every).size).toBeLessThanOrEqual(60)
    expect(Math.max(...program.every.map((d) => d.operands.length))).toBeLessThanOrEqual(capabilities.maxStorageBuffers)
  })

  it('is lowered without making the graph again and again', () => {
    // Nodes are numbered as they are made. Seven passes over a graph of 2,500 nodes, each making what is downstream of a change.
    const made = (target: Target): number => {
      const { graph } = guidedStep(quarter, 32, { empty: true })
      const { id } = input('before', [])
      lower(graph, target)
      return input('after', []).id - id
    }
    expect(made(webgpu)).toBeLessThan(10_000)
    expect(made(wasmTarget)).toBeLessThan(6000)
  })
})
