import { describe, expect, it } from 'vitest'
import { nowhere, type Store } from '../../src/backend/webgpu/choice-store.ts'
import type { Winograd } from '../../src/backend/webgpu/passes.ts'
import { lower } from '../../src/backend/webgpu/passes.ts'
import { Tuner } from '../../src/backend/webgpu/tuner.ts'
import type { Tuned } from '../../src/backend/tuning.ts'
import type { Program } from '../../src/codegen/program.ts'
import type { Capabilities } from '../../src/codegen/wgsl/shader.ts'
import { DeviceError } from '../../src/errors.ts'
import { attention, conv2d } from '../../src/tensor/nn.ts'
import { zeros, type Tensor } from '../../src/tensor/tensor.ts'
import { trace } from '../../src/tensor/trace.ts'
import { fakeBench, type World } from './bench-fake.ts'

const capabilities: Capabilities = {
  subgroups: true,
  subgroupSize: 8,
  f16: true,
  maxInvocations: 256,
  maxWorkgroupStorage: 16384,
  maxStorageBuffers: 8,
  maxBinding: 2 ** 27,
  adapter: 'lavapipe',
}
const weight = zeros([64, 64, 3, 3])
const { graph } = trace(
  (x: Tensor) => {
    const y = conv2d({ weight }, { padding: 1 })(x)
    const rows = y.reshape(1, 64, 64, 64).transpose()
    return attention(rows, rows, rows.tanh())
  },
  [zeros([1, 64, 64, 64])],
)

/** Is it a convolution's kernel by Winograd's algorithm, or its plain one? */
const isWinograd = (p: Program): boolean => p.every.some((d) => d.kernel._tag.startsWith('Winograd'))

/** Tunes that program with so much time. */
const tune = async (budget: number, world: World, store: Store = nowhere) => {
  const fake = fakeBench(world)
  const tuner = new Tuner({ capabilities, bench: fake.bench, store, now: fake.now })
  const news: Tuned[] = []
  let lowered = 0
  const make = (winograd: Winograd): Program => {
    lowered++
    return lower(graph, capabilities, {}, undefined, winograd)
  }
  const start = fake.now()
  const program = await tuner.tune(make, { budget, progress: (n) => news.push(n) })
  const again = (more: number) => tuner.tune(make, { budget: more, progress: (n) => news.push(n) })
  return { program, news, steps: fake.steps, took: fake.now() - start, lowered, again }
}
/** All programs take equally long: the best guess stands. */
const even: World = { compile: () => 100, run: ({ program }) => 24 / program.every.length }
const isWhole = (p: Program): boolean => p.every.some((d) => d.kernel._tag === 'PlainAttention')

describe('tuning takes a bounded time', () => {
  it('of a program, with the time that it takes', async () => {
    const { news, steps, lowered } = await tune(1e6, even)
    expect(news.length).toBeGreaterThan(5)
    expect(news.every((n) => n._tag === 'Measured' && n.ms < 25)).toBe(true)
    expect(steps.length).toBeGreaterThan(5 * news.length - 1)
    expect(lowered).toBe(1)
  })
  it('begins nothing without time', async () => {
    expect(await tune(0, even)).toMatchObject({ news: [], steps: [], took: 0, lowered: 1 })
  })
  it.each([50, 100, 250, 500, 1000, 2000, 4000])('of %d ms', async (budget) => {
    const { took, news } = await tune(budget, even)
    expect(took).toBeLessThanOrEqual(Math.max(budget, 100))
    // The first compilation, of 100 ms, is followed by a run where there is time.
    expect(news.length > 0).toBe(budget > 200)
  })
  it('leaves half of it to kernels, however slow convolutions are', async () => {
    const world: World = { compile: () => 100, run: ({ program }) => (isWhole(program) ? 1 : 1e5) }
    const { news, took } = await tune(20_000, world)
    expect(took).toBeLessThanOrEqual(20_000)
    expect(news.every((n) => n._tag === 'Measured' && !n.label.startsWith('conv 3 × 3'))).toBe(true)
  })
  it('goes on where it had to stop', async () => {
    const { news, again, steps } = await tune(1500, even)
    const before = news.length
    await again(1e6)
    expect(news.length).toBeGreaterThan(before)
    expect(news.length).toBe((await tune(1e6, even)).news.length)
    const done = steps.length
    await again(1e6)
    expect(steps.length).toBe(done)
  })
  it('makes the program again only where a convolution is done another way', async () => {
    const slow: World = { compile: () => 1, run: ({ program }) => (isWinograd(program) ? 100 : 1) }
    const { program, lowered } = await tune(1e6, slow)
    expect(isWinograd(program)).toBe(false)
    expect(lowered).toBe(2)
    expect(isWinograd((await tune(1e6, even)).program)).toBe(true)
  })
  it('ends at once where the device is lost', async () => {
    const lost = new DeviceError('webgpu', 'lost')
    const fail = (): never => {
      throw lost
    }
    await expect(tune(1e6, { compile: fail, run: () => 1 })).rejects.toBe(lost)
  })
  it('remembers what it found, if anything', async () => {
    let saved = 0
    const store: Store = { ...nowhere, save: async () => void saved++ }
    await tune(0, even, store)
    expect(saved).toBe(0)
    await tune(1000, even, store)
    expect(saved).toBe(1)
  })
})
