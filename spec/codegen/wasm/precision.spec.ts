import { describe, expect, test } from 'vitest'
import { compile, read } from '../../../src/backend/compile.ts'
import { allocate, toBrain, toHalf } from '../../../src/core/dtype.ts'
import { seed } from '../../../src/random/generator.ts'
import { attention, conv2d, linear } from '../../../src/tensor/nn.ts'
import { randn } from '../../../src/tensor/noise.ts'
import { concat, fromStorage, type Tensor } from '../../../src/tensor/tensor.ts'
import { fuse, fusedCalls } from '../../../src/passes/fuse.ts'
import { wasmTarget } from '../../../src/passes/target.ts'
import { inline } from '../../../src/passes/inline.ts'
import { trace } from '../../../src/tensor/trace.ts'
import { valuesOf } from '../../support/host.ts'

const largest = (xs: ArrayLike<number>): number => Array.from(xs).reduce((m, v) => Math.max(m, Math.abs(v)), 0)

/** max |got − want| / max |want|, against float64. */
const errorOf = async (f: (x: Tensor) => Tensor, x: Tensor): Promise<number> => {
  const got = await read(compile(f, { backend: 'wasm' })(x))
  const want = valuesOf(f(x))
  return largest(Array.from(want, (w, i) => w - got[i]!)) / largest(want)
}

const stored = (dtype: 'f16' | 'bf16', shape: readonly number[], from: Tensor): Tensor => {
  const data = allocate(
    dtype,
    from.shape.reduce((a, b) => a * b, 1),
  )
  const round = dtype === 'f16' ? toHalf : toBrain
  data.set(Array.from(valuesOf(from), round))
  return fromStorage(data, shape, dtype)
}

describe('rounding errors', () => {
  const x = randn(seed(1), [1, 32, 18, 22])
  const shape = [36, 32, 3, 3]
  const weight = randn(seed(2), shape)
  const bias = randn(seed(3), [36])

  test.each([
    [[1, 32, 4, 4], 1e-6],
    [[1, 32, 8, 8], 1e-5],
    [[1, 32, 18, 22], 1e-5],
    [[2, 32, 16, 16], 1e-5],
  ])('Winograd on %j', async (size, most) => {
    const y = randn(seed(4), size)
    expect(await errorOf((h) => conv2d({ weight, bias }, { padding: 1 })(h), y)).toBeLessThan(most)
  })
  test('exact programs do without it', () => {
    const { graph } = trace((h: Tensor) => conv2d({ weight }, { padding: 1 })(h), [x])
    const kernels = (exact: boolean): string[] =>
      fuse(inline(fusedCalls).run(graph), wasmTarget, { exact }).every.map((d) => d.kernel._tag)
    expect(kernels(false)).toContain('WinogradInput')
    expect(kernels(true)).not.toContain('WinogradInput')
  })
  test.each(['f16', 'bf16'] as const)('%s weights mean what they store', async (dtype) => {
    const small = stored(dtype, shape, weight)
    const row = stored(dtype, [36], bias)
    expect(await errorOf((h) => conv2d({ weight: small, bias: row }, { padding: 1 })(h), x)).toBeLessThan(1e-5)
    expect(await errorOf((h) => conv2d({ weight: small }, { stride: 2 })(h), x)).toBeLessThan(1e-6)
    const matrix = stored(dtype, [36, 22], randn(seed(5), [36, 22]))
    expect(await errorOf((h) => linear({ weight: matrix, bias: row })(h), x)).toBeLessThan(1e-6)
  })
  test.each([
    [17, 17, 5],
    [40, 600, 40],
    [16, 1030, 13],
    [3, 8, 64],
  ])('attention of %d queries to %d keys of %d features', async (rows, keys, depth) => {
    const [q, k, v] = [
      randn(seed(6), [2, 3, rows, depth]),
      randn(seed(7), [2, 3, keys, depth]),
      randn(seed(8), [1, 3, keys, 9]),
    ]
    const mask = randn(seed(9), [2, 1, 1, keys])
    expect(await errorOf((h) => attention(h, k, v), q)).toBeLessThan(3e-6)
    expect(await errorOf((h) => attention(h.mul(5), k, v, { mask, scale: 1 }), q)).toBeLessThan(3e-5)
  })
  test('attention whose first keys say nothing about the largest score', async () => {
    const [q, some, more, v] = [
      randn(seed(6), [1, 2, 20, 8]),
      randn(seed(7), [1, 2, 8, 8]),
      randn(seed(8), [1, 2, 150, 8]),
      randn(seed(9), [1, 2, 158, 9]),
    ]
    for (const factor of [8, 20, 60, 200])
      expect(await errorOf((h) => attention(h, concat([some.mul(0), more.mul(factor)], 2), v), q)).toBeLessThan(5e-5)
  })
})
