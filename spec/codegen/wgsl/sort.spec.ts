import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compile, dispose, read } from '../../../src/backend/compile.ts'
import { allocate, type Storage } from '../../../src/core/dtype.ts'
import type { SortKernel } from '../../../src/codegen/kernel.ts'
import { sortVariants, type SortVariant } from '../../../src/codegen/wgsl/sort.ts'
import { evaluate } from '../../../src/graph/evaluate/evaluate.ts'
import { lower } from '../../../src/passes/lower.ts'
import { webgpuTarget } from '../../../src/passes/target.ts'
import { quantile, sort } from '../../../src/tensor/nn.ts'
import { fromStorage } from '../../../src/tensor/tensor.ts'
import { trace } from '../../../src/tensor/trace.ts'
import { softwareAdapter } from '../../support/software-adapter.ts'
import { bench, prepare } from '../../support/wgsl.ts'

const missing = softwareAdapter()

const kinds: readonly (readonly [SortKernel['element'], fc.Arbitrary<number>])[] = [
  ['f32', fc.oneof(fc.float(), fc.constantFrom(0, -0, 1, -1, Infinity, -Infinity, NaN, 1e-45, -1e-45))],
  ['i32', fc.oneof(fc.integer(), fc.constantFrom(0, -1, 2 ** 31 - 1, -(2 ** 31)))],
  ['u32', fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1))],
]

/** What `sort` means by its definition. */
const meant = (element: SortKernel['element'], data: Storage, length: number): readonly number[] => {
  const { graph } = trace(sort, [fromStorage(data, [data.length / length, length], element)])
  return Array.from(evaluate(graph, [Float64Array.from(data)])[0]!)
}

/** A kernel's result; `held`: pieces of a row that large, for all that there is room for more. */
const sorted = async (kernel: SortKernel, data: Storage, held?: number): Promise<readonly number[]> => {
  const { caps } = await bench()
  const [way] = sortVariants(kernel, caps)
  const variant: SortVariant = held === undefined ? way! : { family: 'Sort', invocations: held / 2, held }
  const ready = await prepare(kernel, [allocate(kernel.element, data.length), data], variant)
  await ready.run()
  const values = Array.from(await ready.result())
  ready.destroy()
  return values
}

describe.skipIf(missing !== undefined)('WGSL of a sort', () => {
  it.each(kinds)('of %s is what it is defined as, zeros and NaN too', async (element, number) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 70 }),
        fc.constantFrom(undefined, 4, 8),
        fc.infiniteStream(number),
        async (length, rows, held, numbers) => {
          const data = allocate(element, rows * length)
          data.set([...numbers.take(rows * length)])
          // `toEqual` tells zeros apart, and NaN from all else.
          expect(
            await sorted({ _tag: 'Sort', rows, length, element }, data, length > (held ?? 64) ? held : undefined),
          ).toEqual(meant(element, data, length))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('of rows that fill workgroup memory, and of longer ones', async () => {
    for (const length of [2048, 4095, 4096, 4097, 12288, 20000]) {
      const data = Float32Array.from({ length: 2 * length }, (_, i) => Math.sin(i * i) * 10 ** (i % 30))
      const want = [data.slice(0, length).sort(), data.slice(length).sort()].flatMap((row) => [...row])
      expect(await sorted({ _tag: 'Sort', rows: 2, length, element: 'f32' }, data)).toEqual(want)
    }
  })

  it('of more rows than there are workgroups in a dimension', async () => {
    const [rows, length] = [70_000, 5]
    const data = Float32Array.from({ length: rows * length }, (_, i) => Math.sin(i * i))
    const got = await sorted({ _tag: 'Sort', rows, length, element: 'f32' }, data, 8)
    expect(got.slice(-length)).toEqual([...data.slice(-length).sort()])
  })

  it('is one kernel, and quantiles read its result', async () => {
    const data = Float32Array.from({ length: 77 }, (_, i) => (i * 37) % 77)
    const x = fromStorage(data, [1, 77], 'f32')
    const target = webgpuTarget({ maxStorageBuffers: 8, maxBinding: 2 ** 27 })
    const kernels = lower(trace(quantile(0.9), [x]).graph, target).every.map((d) => d.kernel._tag)
    expect(kernels).toEqual(['Sort', 'Map'])
    const y = compile(quantile(0.9), { backend: 'webgpu' })(x)
    expect((await read(y))[0]).toBeCloseTo(68.4, 5)
    dispose(y)
  })
})
