import { setFlagsFromString } from 'node:v8'
import { describe, expect, test } from 'vitest'
import { wasm } from '../../../src/backend/wasm/wasm.ts'
import { emit } from '../../../src/codegen/wasm/emit.ts'
import { thisEngine, type Engine } from '../../../src/codegen/wasm/engine.ts'
import { relaxedSimd } from '../../../src/backend/wasm/relaxed-simd.ts'
import { lower } from '../../../src/passes/lower.ts'
import { wasmTarget } from '../../../src/passes/target.ts'
import { seed } from '../../../src/random/generator.ts'
import { attention, conv2d, linear } from '../../../src/tensor/nn.ts'
import { randn } from '../../../src/tensor/noise.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { trace } from '../../../src/tensor/trace.ts'
import { valuesOf } from '../../support/host.ts'

// In Node 20 too, which has it behind a flag.
relaxedSimd(setFlagsFromString)

const x = randn(seed(1), [1, 36, 20, 20])
const weights = {
  winograd: randn(seed(2), [36, 36, 3, 3]),
  plain: randn(seed(3), [30, 36, 3, 3]),
  matrix: randn(seed(4), [20, 20]),
}
const programs: Readonly<Record<string, (h: Tensor) => Tensor>> = {
  winograd: conv2d({ weight: weights.winograd }, { padding: 1 }),
  strided: conv2d({ weight: weights.plain }, { stride: 2 }),
  linear: linear({ weight: weights.matrix }),
  attention: (h) => {
    const tokens = h.reshape(1, 3, 12, 400).transpose()
    return attention(tokens, tokens, tokens)
  },
}

const bytesFor = (engine: Engine): Uint8Array => {
  const { once, every } = lower(trace(programs['winograd']!, [x]).graph, wasmTarget)
  return emit(once, every, { pages: 1, maximum: 65536, shared: false }, { engine }).bytes
}
const has = (bytes: Uint8Array, opcode: readonly number[]): boolean => Buffer.from(bytes).includes(Buffer.from(opcode))

test('products are added in one instruction for engines that have it, and only for those', () => {
  const relaxedMadd = [0xfd, 0x85, 0x02]
  expect(has(bytesFor({ relaxed: false, large: false }), relaxedMadd)).toBe(false)
  expect(has(bytesFor({ relaxed: true, large: false }), relaxedMadd)).toBe(true)
  expect(has(bytesFor({ relaxed: true, large: true }), relaxedMadd)).toBe(true)
})

test('this engine takes the module written for it', () => {
  expect(WebAssembly.validate(bytesFor(thisEngine()) as Uint8Array<ArrayBuffer>)).toBe(true)
  expect(thisEngine()).toBe(thisEngine())
})

test('relaxed SIMD is there where the command line switches it on', () => expect(thisEngine().relaxed).toBe(true))

const engines = [
  { relaxed: false, large: false },
  { relaxed: true, large: false },
  { relaxed: true, large: true },
]

describe.each(engines)('relaxed: $relaxed, large: $large', (engine) => {
  test.each(Object.keys(programs))(
    '%s has the error of float32, and the same bits with 1, 2 and 3 threads',
    async (name) => {
      const f = programs[name]!
      const { graph } = trace(f, [x])
      const input = { data: Float32Array.from(valuesOf(x, 'f32')), shape: x.shape, dtype: 'f32' } as const
      const results: Float32Array[] = []
      for (const threads of [1, 2, 3]) {
        const on = wasm({ threads, engine })
        const program = on.prepare(graph)
        for (let i = 0; i < 3; i++) {
          const [value] = await program.run([input])
          results.push((await value!.read()) as Float32Array)
          value!.dispose()
          await new Promise((done) => setTimeout(done, 30))
        }
        on.dispose()
      }
      const want = Array.from(valuesOf(f(x)))
      const scale = want.reduce((m, v) => Math.max(m, Math.abs(v)), 0)
      const error = want.reduce((m, v, i) => Math.max(m, Math.abs(v - results[0]![i]!)), 0)
      expect(error / scale).toBeLessThan(name === 'winograd' ? 1e-5 : 3e-6)
      for (const r of results) expect(Buffer.from(r.buffer).equals(Buffer.from(results[0]!.buffer))).toBe(true)
    },
  )
})
