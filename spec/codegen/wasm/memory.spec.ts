import { describe, expect, test } from 'vitest'
import { compile, dispose, read } from '../../../src/backend/compile.ts'
import { backend } from '../../../src/backend/select.ts'
import type { Backend } from '../../../src/backend/backend.ts'
import { Heap } from '../../../src/backend/wasm/heap.ts'
import { lower } from '../../../src/passes/lower.ts'
import { wasmTarget } from '../../../src/passes/target.ts'
import { wasm } from '../../../src/backend/wasm/wasm.ts'
import { keptBytes } from '../../../src/codegen/program.ts'
import { toHalf } from '../../../src/core/dtype.ts'
import { seed } from '../../../src/random/generator.ts'
import { conv2d, groupNorm, linear, softmax } from '../../../src/tensor/nn.ts'
import { randn } from '../../../src/tensor/noise.ts'
import { fromStorage, full, tensor, type Scalar, type Tensor } from '../../../src/tensor/tensor.ts'
import { trace } from '../../../src/tensor/trace.ts'
import { valuesOf } from '../../support/host.ts'

const on = { backend: 'wasm' } as const
const picture = (t: number): Tensor =>
  tensor(
    Float32Array.from({ length: 128 }, (_, i) => Math.sin(i + t)),
    [1, 8, 4, 4],
  )

const held = async (): Promise<unknown> => {
  for (let i = 0; i < 20; i++) await new Promise((done) => setImmediate(done))
  return (await backend('wasm')).memory()
}
const expectSteady = async (run: (t: number) => Promise<void>): Promise<void> => {
  await run(0)
  const after = await held()
  for (let t = 1; t <= 100; t++) await run(t)
  expect(await held()).toEqual(after)
}

describe('memory', () => {
  test('is the same after a hundred runs as after one', async () => {
    const weights = { weight: full([8], 2), bias: full([8], 1) }
    const projection = { weight: full([4, 4], 0.5).add(0), bias: full([4], 1) } // computed once, and kept
    const f = compile((x: Tensor, t: Scalar) => {
      const y = softmax(-1)(groupNorm(weights, { groups: 4 })(x.mul(t)).silu())
      return { y: linear(projection)(y).add(x.permute(0, 1, 3, 2)), same: x.reshape(8, 16), mean: y.mean() }
    }, on)
    await expectSteady(async (t) => {
      const out = f(picture(t), t)
      for (const x of [out.y, out.same, out.mean]) await read(x)
      dispose(out)
    })
  })
  test('likewise where results are inputs, and are disposed before they are read or twice', async () => {
    const f = compile((x: Tensor) => x.mul(0.5).add(x.permute(0, 1, 3, 2)), on)
    await expectSteady(async (t) => {
      const a = f(picture(t))
      const b = f(a)
      const c = f(b.add(a))
      dispose([a, b])
      dispose(a)
      await read(c)
      dispose(c)
      dispose(f(picture(t)))
    })
  })
  test('what is disposed cannot be read', async () => {
    const f = compile((x: Tensor) => x.mul(2), on)
    const y = f(picture(0))
    dispose(y)
    await expect(read(y)).rejects.toThrow('disposed')
  })
})

describe('the heap', () => {
  test('uses freed blocks again, and joins neighbours', () => {
    const heap = new Heap(false)
    const [a, b, c] = [heap.allocate(1000), heap.allocate(1000), heap.allocate(1000)] as const
    heap.free(a)
    heap.free(b)
    expect(heap.allocate(2000)).toBe(a)
    heap.free(c)
    expect(heap.used.values).toBe(1)
    expect(heap.allocate(10)).toBe(c)
  })
  test('refuses more than 4 GiB, with a figure', () => {
    const heap = new Heap(false)
    heap.allocate(1000)
    expect(() => heap.allocate(5 * 2 ** 30)).toThrow('5120.0 MiB more than')
    expect(heap.used.values).toBe(1)
  })
})

describe('a program that would keep too much', () => {
  test('keeps its weights in 16 bits, and means the same', async () => {
    const weight = fromStorage(
      Uint16Array.from({ length: 64 * 64 * 9 }, (_, i) => toHalf(Math.sin(i))),
      [64, 64, 3, 3],
      'f16',
    )
    const x = randn(seed(1), [1, 64, 16, 16])
    const input = { data: Float32Array.from(valuesOf(x, 'f32')), shape: x.shape, dtype: 'f32' } as const
    const { graph } = trace((h: Tensor) => conv2d({ weight }, { padding: 1 })(h), [x])
    const [fast, lean] = [wasm({ threads: 1 }), wasm({ threads: 1, keep: 100_000 })]
    const run = async (on: Backend) => {
      const program = on.prepare(graph)
      const results: Float32Array[] = []
      for (let i = 0; i < 2; i++) {
        const [value] = await program.run([input])
        results.push((await value!.read()) as Float32Array)
        value!.dispose()
      }
      return { results }
    }
    const [a, b] = [await run(fast), await run(lean)]
    expect(b.results[1]).toEqual(b.results[0])
    b.results[0]!.forEach((v, i) => expect(Math.abs(v - a.results[0]![i]!)).toBeLessThan(1e-2))
    expect(lower(graph, wasmTarget, { keep: 100_000 }).once).toEqual([])
    expect(keptBytes(lower(graph, wasmTarget, { keep: 100_000 }))).toBe(64 * 64 * 9 * 2)
  })
})
