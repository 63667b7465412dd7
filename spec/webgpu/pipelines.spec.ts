import { describe, expect, it } from 'vitest'
import type { Capabilities } from '../../src/codegen/wgsl/shader.ts'
import { lower } from '../../src/backend/webgpu/passes.ts'
import { pipelineKey } from '../../src/backend/webgpu/pipelines.ts'
import { everySteps, firstVariant } from '../../src/backend/webgpu/steps.ts'
import { guidedStep, quarter } from '../support/guided-step.ts'

const least = {
  subgroups: true,
  maxInvocations: 256,
  maxWorkgroupStorage: 16384,
  maxStorageBuffers: 8,
  maxBinding: 2 ** 27,
} as const
const adapters: readonly Capabilities[] = [
  { ...least, adapter: 'lavapipe', subgroupSize: 8, f16: true },
  { ...least, adapter: 'swiftshader', subgroupSize: 4, f16: false },
  { ...least, adapter: 'gpu', subgroupSize: 32, f16: true },
]

describe('a guided step at a quarter of the width of Stable Diffusion 1.5', () => {
  const { graph } = guidedStep(quarter, 32, { empty: true })
  it.each(adapters.map((c) => [c.adapter, c] as const))('is at most 60 pipelines: %s', (_, capabilities) => {
    const steps = everySteps(lower(graph, capabilities), capabilities, firstVariant)
    expect(new Set(steps.map((s) => pipelineKey(s.shader))).size).toBeLessThanOrEqual(60)
  })
})
