import { spawnSync } from 'node:child_process'
import { afterAll, describe, expect, test } from 'vitest'
import { Device } from '../../../src/backend/wasm/device.ts'
import { Prepared } from '../../../src/backend/wasm/prepared.ts'
import { wasm } from '../../../src/backend/wasm/wasm.ts'
import { helper, states, words } from '../../../src/backend/wasm/workers.ts'
import type { Operand } from '../../../src/backend/backend.ts'
import { thisEngine } from '../../../src/codegen/wasm/engine.ts'
import { emitMap } from '../../../src/codegen/wasm/map.ts'
import { ModuleBuilder } from '../../../src/codegen/wasm/module.ts'
import { atomic, get, i32 } from '../../../src/codegen/wasm/op.ts'
import type { MapKernel } from '../../../src/codegen/kernel.ts'
import { lower } from '../../../src/passes/lower.ts'
import { wasmTarget } from '../../../src/passes/target.ts'
import { seed } from '../../../src/random/generator.ts'
import { attention, conv2d, groupNorm } from '../../../src/tensor/nn.ts'
import { randn } from '../../../src/tensor/noise.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { trace } from '../../../src/tensor/trace.ts'
import { valuesOf } from '../../support/host.ts'

const x = randn(seed(1), [1, 32, 32, 32])
const values = Float32Array.from(valuesOf(x, 'f32'))
const weight = randn(seed(2), [32, 32, 3, 3])

const block = (h: Tensor): Tensor => {
  const y = conv2d({ weight }, { padding: 1 })(groupNorm({}, { groups: 8 })(h).silu())
  const tokens = y.reshape(1, 4, 8, 1024).transpose() // [1, heads, H W, D]
  const mixed = attention(tokens, tokens, tokens).permute(0, 1, 3, 2)
  return h.add(mixed.reshape(...h.shape)).mul(0.5)
}
const { graph } = trace((h: Tensor) => block(block(h)), [x])
const input: Operand = { data: values, shape: x.shape, dtype: 'f32' }

describe('threads', () => {
  const made = [1, 2, 3, 5].map((threads) => ({ threads, on: wasm({ threads }) }))
  afterAll(() => made.forEach(({ on }) => on.dispose()))

  test('results are the same bit for bit, however many there are', async () => {
    const results: Float32Array[] = []
    for (const { on } of made) {
      const program = on.prepare(graph)
      for (let i = 0; i < 4; i++) {
        const [value] = await program.run([input])
        results.push((await value!.read()) as Float32Array)
        value!.dispose()
        // Helpers take a moment to start; later runs have them.
        await new Promise((done) => setTimeout(done, 50))
      }
    }
    for (const r of results) expect(Buffer.from(r.buffer).equals(Buffer.from(results[0]!.buffer))).toBe(true)
  })
  test('helpers stay for the next run, and rest when there is none', async () => {
    const device = new Device(2, true)
    const program = new Prepared(device, graph)
    const memory = new Int32Array(device.heap.memory.buffer, 0, words.all)
    const state = (): number => Atomics.load(memory, words.states + words.line)
    const run = async (): Promise<void> => (await program.run([input]))[0]!.dispose()
    await run()
    for (let i = 0; i < 100 && state() !== states.there; i++) await new Promise((done) => setTimeout(done, 20))
    expect(state()).toBe(states.there)
    await run()
    await new Promise((done) => setTimeout(done, 50))
    expect(state()).toBe(states.there)
    expect(Atomics.load(memory, words.inside)).toBe(0)
    const before = process.cpuUsage()
    await new Promise((done) => setTimeout(done, 500))
    const { user, system } = process.cpuUsage(before)
    expect(user + system).toBeLessThan(250_000)
    device.team.stop()
    await run() // Others are started.
    device.team.stop()
  })
  test('a helper that does not see all of the memory yet leaves a run alone', async () => {
    const writer = new ModuleBuilder(thisEngine())
    const counts = writer.function('run', { params: ['i32', 'i32'], results: [] }, () => [
      atomic.add(get(0), i32.const(1)),
      0x1a, // drop
    ])
    writer.export('run', counts)
    const limits = { pages: 1, maximum: 4, shared: true }
    const module = await WebAssembly.compile(writer.bytes(limits))
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true })
    const at = new Int32Array(memory.buffer)
    const table = 4096
    const { post, stop } = helper()
    const offer = async (pages: number): Promise<number> => {
      Object.assign(at, { [words.module]: 7, [words.function]: -1, [words.table]: table, [words.pages]: pages })
      Atomics.add(at, words.run, 2)
      post({ id: 7, module, memory, thread: 1 })
      for (let i = 0; i < 50 && at[table / 4] === 0; i++) await new Promise((done) => setTimeout(done, 20))
      return at[table / 4]!
    }
    expect(await offer(2)).toBe(0)
    expect(await offer(1)).toBe(1)
    stop()
  })
  test('arithmetic on one long row has parts to share, whatever its length', async () => {
    for (const [n, parts] of [
      [262_144, 32],
      [65_532, 3],
      [49_999, 1],
      [12_288, 12],
      [4096, 4],
      [2047, 1],
    ] as const) {
      const y = randn(seed(3), [n])
      const { graph: long } = trace((h: Tensor) => h.mul(2).add(y).silu(), [y])
      const { every } = lower(long, wasmTarget)
      const { count } = emitMap(every[0]!.kernel as MapKernel, () => [])
      expect(count).toBe(parts)
      const data = Float32Array.from(valuesOf(y, 'f32'))
      const results: Float32Array[] = []
      for (const { on } of made.slice(0, 2)) {
        const [value] = await on.prepare(long).run([{ data, shape: [n], dtype: 'f32' }])
        results.push((await value!.read()) as Float32Array)
        value!.dispose()
      }
      expect(results[1]).toEqual(results[0])
      const want = Array.from(valuesOf(y.mul(3).silu()))
      expect(want.reduce((m, w, i) => Math.max(m, Math.abs(w - results[0]![i]!)), 0)).toBeLessThan(3e-6)
    }
  })
  test('a helper that waits keeps no process alive', () => {
    const script = `
      import { wasm } from '${new URL('../../../src/backend/wasm/wasm.ts', import.meta.url)}'
      import { trace } from '${new URL('../../../src/tensor/trace.ts', import.meta.url)}'
      import { full } from '${new URL('../../../src/tensor/tensor.ts', import.meta.url)}'
      const program = wasm({ threads: 2 }).prepare(trace((x) => x.dot(x), [full([256, 256], 1)]).graph)
      for (let i = 0; i < 20; i++) {
        const [y] = await program.run([{ data: new Float32Array(65536), shape: [256, 256], dtype: 'f32' }])
        y.dispose()
        await new Promise((done) => setTimeout(done, 5))
      }
      console.log(performance.now())`
    const start = performance.now()
    const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script])
    expect(performance.now() - start - Number(String(stdout))).toBeLessThan(900)
  })
  test('a backend says how many it has', () => {
    expect(made.map(({ on }) => on.description)).toEqual([
      expect.stringContaining('1 thread'),
      expect.stringContaining('2 threads'),
      expect.stringContaining('3 threads'),
      expect.stringContaining('5 threads'),
    ])
  })
})
