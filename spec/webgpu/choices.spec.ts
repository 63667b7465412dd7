import { describe, expect, it } from 'vitest'
import type { MapKernel } from '../../src/codegen/kernel.ts'
import { bestOf, kernelDigest, merge, parse, variantText, write, type Times } from '../../src/backend/webgpu/choices.ts'

const kernel = (extent: number): MapKernel => ({
  _tag: 'Map',
  dims: [extent],
  value: { _tag: 'Const', type: 'f32', value: 1 },
  out: { operand: 0, element: 'f32', offset: 0, strides: [1] },
})
const variants = [1, 2, 4].map((lanes) => ({ family: 'Map', lanes, vectors: false }) as never)
const times = (...ms: readonly number[]): Times =>
  new Map([[kernelDigest(kernel(3)), new Map(ms.map((t, i) => [variantText(variants[i]!), t]))]])

describe('choices', () => {
  it('are the best guess until another is clearly faster', () => {
    expect(bestOf(new Map(), kernel(3), variants)).toBe(variants[0])
    expect(bestOf(times(10, 9.9, 11), kernel(3), variants)).toBe(variants[0])
    expect(bestOf(times(10, 9, 8), kernel(3), variants)).toBe(variants[2])
    expect(bestOf(times(Infinity, 9), kernel(3), variants)).toBe(variants[1])
    expect(bestOf(times(10, 1), kernel(4), variants)).toBe(variants[0])
  })
  it('tell kernels apart by structure and shape', () => {
    expect(kernelDigest(kernel(3))).toBe(kernelDigest({ ...kernel(3) }))
    expect(kernelDigest(kernel(3))).not.toBe(kernelDigest(kernel(4)))
  })
  it('are read as they were written', () => {
    const all = times(10, Infinity, 0)
    expect(parse('a', write('a', all))).toEqual(all)
    expect(merge(all, times(7)).get(kernelDigest(kernel(3)))!.size).toBe(3)
  })
  it('are not taken from what is something else', () => {
    expect(parse('a', write('b', times(1)))).toMatchObject({ reason: 'foreign' })
    for (const text of [
      '',
      '[]',
      'null',
      '{"format":"diffold tuning 1","adapter":"a","kernels":{"x":[1]}}',
      '{"kernels":3}',
    ])
      expect(parse('a', text)).toMatchObject({ reason: 'corrupt' })
    expect(parse('a', '{"format":"diffold tuning 1","adapter":"a","kernels":{"x":{"y":-1}}}')).toMatchObject({
      reason: 'corrupt',
    })
  })
})
