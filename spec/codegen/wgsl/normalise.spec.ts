import { describe, expect, it } from 'vitest'
import { capabilitiesOfClass } from '../../../src/backend/webgpu/classes.ts'
import type { NormaliseKernel } from '../../../src/codegen/kernel.ts'
import { normaliseVariants, type NormaliseVariant } from '../../../src/codegen/wgsl/normalise.ts'
import type { Capabilities } from '../../../src/codegen/wgsl/shader.ts'
import { normaliseCase } from '../../support/arbitrary-kernel.ts'
import { softwareAdapter } from '../../support/software-adapter.ts'
import { agree, agreeAs } from './agreement.ts'

const missing = softwareAdapter()

describe.skipIf(missing !== undefined)('WGSL of normalisations', () => {
  it('gives what they mean', () => agree(normaliseCase, 25, 1e-4))
  it('gives what they mean by the largest workgroups that there are', () => {
    const largest = (k: NormaliseKernel, caps: Capabilities): readonly NormaliseVariant[] =>
      normaliseVariants(k, caps)
        .slice(0, 1)
        .map((v) => ({ ...v, team: { way: 'tree', size: caps.maxInvocations } }))
    return agreeAs(normaliseCase, largest, 8, 1e-4)
  })
  it('gives what they mean of operands cut into windows', () => agree(normaliseCase, 10, 1e-4, true))
})

describe('a normalisation on a GPU', () => {
  const slabs = (count: number, length: number): NormaliseKernel => {
    const x = { _tag: 'Load', operand: 1, element: 'f32', offset: 0, strides: [length, 1], picks: [] } as const
    const out = { operand: 0, element: 'f32', offset: 0, strides: [length, 1] } as const
    const value = { centred: true, eps: 1e-5, value: x, then: { ...x, operand: 0 } }
    return { _tag: 'Normalise', dims: [count], folded: [length], ...value, out }
  }
  const invocations = (k: NormaliseKernel, maxInvocations: number): number =>
    normaliseVariants(k, { ...capabilitiesOfClass.gpu, maxInvocations })[0]!.team.size
  it('has large workgroups where it has few of them', () => {
    expect(invocations(slabs(32, 2 ** 20), 1024)).toBe(1024)
    expect(invocations(slabs(32, 2 ** 20), 768)).toBe(512)
    expect(invocations(slabs(32, 2 ** 20), 256)).toBe(256)
    expect(invocations(slabs(32, 5120), 1024)).toBe(256)
    expect(invocations(slabs(4096, 2 ** 20), 1024)).toBe(256)
    expect(invocations(slabs(4096, 320), 1024)).toBe(64)
  })
})
