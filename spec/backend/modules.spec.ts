import { expect, test } from 'vitest'
import { compilations, compiled } from '../../src/backend/wasm/modules.ts'
import { wasm } from '../../src/backend/wasm/wasm.ts'
import { full, type Tensor } from '../../src/tensor/tensor.ts'
import { trace } from '../../src/tensor/trace.ts'

const input = { data: new Float32Array(64).fill(1), shape: [8, 8], dtype: 'f32' } as const
const graphOf = (f: (x: Tensor) => Tensor) => trace(f, [full([8, 8], 1)]).graph

test('equal programs are compiled once in a process, on whatever device', async () => {
  const before = compilations()
  const results: number[] = []
  for (const [factor, threads] of [
    [3, 1],
    [3, 1],
    [3, 2],
    [5, 2],
  ] as const) {
    const on = wasm({ threads })
    const graph = graphOf((x) => x.dot(x).mul(factor).add(0.125))
    for (let i = 0; i < 2; i++) {
      const [value] = await on.prepare(graph).run([input])
      results.push((await value!.read())[0] as number)
    }
    on.dispose()
  }
  expect(results).toEqual([24, 24, 24, 24, 24, 24, 40, 40].map((x) => x + 0.125))
  expect(compilations() - before).toBe(2)
})

test('bytes that are no module may be tried again', async () => {
  const bytes = Uint8Array.of(1, 2, 3)
  await expect(compiled(bytes)).rejects.toThrow()
  await expect(compiled(bytes)).rejects.toThrow()
})
