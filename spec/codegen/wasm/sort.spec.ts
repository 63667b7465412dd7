import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compile, dispose, read, readIntegers } from '../../../src/backend/compile.ts'
import { allocate, type DType } from '../../../src/core/dtype.ts'
import { lower } from '../../../src/passes/lower.ts'
import { wasmTarget } from '../../../src/passes/target.ts'
import { quantile, sort } from '../../../src/tensor/nn.ts'
import { fromStorage, type Tensor } from '../../../src/tensor/tensor.ts'
import { trace } from '../../../src/tensor/trace.ts'
import { list } from '../../support/host.ts'

const on = { backend: 'wasm' } as const
const rows = (values: readonly number[], length: number, dtype: DType): Tensor => {
  const data = allocate(dtype, values.length)
  data.set(values)
  return fromStorage(data, [values.length / length, length], dtype)
}
const sorted = async (x: Tensor): Promise<number[]> => {
  const y = compile(sort, on)(x)
  const values = x.dtype === 'f32' ? [...(await read(y))] : [...(await readIntegers(y))]
  dispose(y)
  return values
}
const sameZeros = (xs: readonly number[]): number[] => xs.map((x) => x + 0)

describe('a sort', () => {
  const kinds: readonly (readonly [DType, fc.Arbitrary<number>])[] = [
    ['f32', fc.oneof(fc.float(), fc.constantFrom(0, -0, 1, -1, Infinity, -Infinity, NaN, 1e-45))],
    ['i32', fc.oneof(fc.integer(), fc.constantFrom(0, -1, 2 ** 31 - 1, -(2 ** 31)))],
    ['u32', fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1))],
  ]
  test.each(kinds)('of %s is what it is defined as', async (dtype, number) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 4 }),
        fc.infiniteStream(number),
        async (n, m, all) => {
          const x = rows([...all.take(n * m)], n, dtype)
          expect(sameZeros(await sorted(x))).toEqual(sameZeros(list(sort(x), 'f32')))
        },
      ),
      { numRuns: 60 },
    )
  })
  test('of long rows, of views and of what is computed', async () => {
    const [count, n] = [3, 20_000]
    const values = Array.from({ length: count * n }, (_, i) => Math.fround(Math.sin(i * i) * 10 ** (i % 30)))
    const x = rows(values, n, 'f32')
    const reference = (row: number, f: (v: number) => number): number[] => [
      ...Float32Array.from({ length: n }, (_, i) => f(values[row * n + i]!)).sort(),
    ]
    const expected = Array.from({ length: count }, (_, r) => reference(r, (v) => v))
    expect(await sorted(x)).toEqual(expected.flat())
    const turned = compile((h: Tensor) => sort(h.transpose().mul(1).transpose().slice(0, 1, 2).neg()), on)(x)
    expect([...(await read(turned))]).toEqual(reference(1, (v) => -v))
    dispose(turned)
  })
  test('is one kernel, and quantiles read its result', async () => {
    const x = rows(
      Array.from({ length: 77 }, (_, i) => (i * 37) % 77),
      77,
      'f32',
    )
    const kernels = lower(trace(quantile(0.9), [x]).graph, wasmTarget).every.map((d) => d.kernel._tag)
    expect(kernels.filter((k) => k !== 'Map')).toEqual(['Sort'])
    const y = compile(quantile(0.9), on)(x)
    expect((await read(y))[0]).toBeCloseTo(68.4, 5)
    dispose(y)
  })
})
