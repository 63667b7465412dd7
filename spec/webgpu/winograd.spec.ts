import { expect, it } from 'vitest'
import { compile, read } from '../../src/backend/compile.ts'
import { explain } from '../../src/backend/explain.ts'
import { seed } from '../../src/random/generator.ts'
import { conv2d } from '../../src/tensor/nn.ts'
import { randn } from '../../src/tensor/noise.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { valuesOf } from '../support/host.ts'
import { describeWebgpu, on } from './started.ts'

const x = randn(seed(1), [1, 64, 66, 63])
const [weight, bias] = [randn(seed(2), [68, 64, 3, 3]), randn(seed(3), [68])]
const f = (h: Tensor): Tensor => conv2d({ weight, bias }, { padding: 1 })(h).silu()

describeWebgpu("Winograd's algorithm on WebGPU", () => {
  it.each([
    [false, 2e-5],
    [true, 2e-6],
  ])('large convolutions, exact: %s', async (exact, most) => {
    const how = { ...on, exact }
    expect(/winograd/.test((await explain(f, how)(x)).program)).toBe(!exact)
    const [got, want] = [await read(compile(f, how)(x)), valuesOf(f(x))]
    const largest = (xs: readonly number[]): number => xs.reduce((m, v) => Math.max(m, Math.abs(v)), 0)
    expect(largest(Array.from(want, (w, i) => w - got[i]!)) / largest(Array.from(want))).toBeLessThan(most)
  })
})
