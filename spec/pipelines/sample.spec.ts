import { describe, expect, it } from 'vitest'
import { backend } from '../../src/backend/select.ts'
import { counts, dispose, read } from '../../src/backend/compile.ts'
import { onHost, resume, sample, states } from '../../src/pipelines/sample.ts'
import { drawWith } from '../../src/pipelines/unconditional.ts'
import { grid } from '../../src/image/image.ts'
import { seed } from '../../src/random/generator.ts'
import { ddimScheduler } from '../../src/schedulers/ddim.ts'
import { ddpmScheduler } from '../../src/schedulers/ddpm.ts'
import { noise } from '../../src/tensor/noise.ts'
import type { Scalar, Tensor } from '../../src/tensor/tensor.ts'
import { list } from '../support/host.ts'

const eps = (x: Tensor, t: Scalar): Tensor =>
  x
    .mul(0.3)
    .add(x.permute(0, 1, 3, 2).mul(0.1))
    .add(x.sum(1).mul(0.01))
    .mul(x.mul(0).add(t).div(1000).add(0.5))
const shape = [2, 3, 4, 4]
const on = { backend: 'wasm' } as const

describe('the fold', () => {
  it('is the loop', async () => {
    const scheduler = ddpmScheduler({}, 8)
    let state = scheduler.init(noise(seed(3), shape))
    for (const t of scheduler.timesteps) state = scheduler.step(state, eps(scheduler.input(state, t), t.t), t)
    const want = list(scheduler.output(state))
    const x = sample(scheduler, eps, on)(noise(seed(3), shape))
    const got = await read(x)
    dispose(x) // Left to the garbage collector, it would go while the next spec counts what is there.
    got.forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 4))
  })

  it('is traced once, whatever the number of steps, and holds no memory afterwards', async () => {
    const draw = sample(ddpmScheduler({}, 40), eps, on)
    const device = await backend('wasm')
    const run = async (n: number): Promise<void> => {
      const x = draw(noise(seed(n), shape))
      await read(x)
      dispose(x)
      for (let i = 0; i < 20; i++) await new Promise((done) => setImmediate(done)) // lets the queue reach the disposals
    }
    const before = counts.traces
    await run(0)
    const after = device.memory()
    for (let n = 1; n < 10; n++) await run(n)
    expect(counts.traces - before).toBe(1)
    expect(device.memory()).toEqual(after)
  })

  it('streams every state, and resumes from any of them bit for bit', async () => {
    const scheduler = ddpmScheduler({}, 6)
    const whole: number[][] = []
    let middle: unknown
    const fold = states(scheduler, eps, on)(noise(seed(5), shape))
    for await (const p of fold) {
      expect([p.step, p.steps, p.t]).toEqual([whole.length + 1, 6, scheduler.timesteps[whole.length]!.t])
      whole.push([...(await read(p.sample))])
      if (p.step === 3) middle = await onHost(p.state)
    }
    const rest: number[][] = []
    for await (const p of resume(scheduler, eps, on)(middle as never, 3)) rest.push([...(await read(p.sample))])
    expect(rest).toEqual(whole.slice(3))
  })

  it('stops between two steps when it is aborted', async () => {
    const controller = new AbortController()
    const seen: number[] = []
    const run = async (): Promise<void> => {
      for await (const p of states(ddimScheduler({}, 50), eps, { ...on, signal: controller.signal })(
        noise(seed(0), shape),
      )) {
        seen.push(p.step)
        if (p.step === 4) controller.abort()
      }
    }
    await expect(run()).rejects.toThrow('abort')
    expect(seen).toEqual([1, 2, 3, 4])
  })

  it('lets timers run between steps, so that a deadline is kept', async () => {
    const long = states(ddimScheduler({}, 1000), eps, { ...on, signal: AbortSignal.timeout(50) })(
      noise(seed(0), [1, 3, 64, 64]),
    )
    const run = async (): Promise<void> => {
      while ((await long.next()).done !== true);
    }
    await expect(run()).rejects.toThrow()
  })
})

describe('a pipeline', () => {
  const draw = drawWith(ddpmScheduler({}, 5), eps, [3, 4, 4])
  it('draws a batch from one generator, or each sample from its own', async () => {
    const [a, b] = await draw.batch(2)([seed(1), seed(2)], on)
    expect(a).toEqual(await draw(seed(1), on))
    expect(b).toEqual(await draw(seed(2), on))
    const both = await draw.batch(2)(seed(1), on)
    expect(both.length).toBe(2)
    expect(grid([a!, b!, ...both]).width).toBe(8)
  })
  it('tells of every step', async () => {
    const steps: number[] = []
    await draw(seed(0), { ...on, onStep: ({ step }) => steps.push(step) })
    expect(steps).toEqual([1, 2, 3, 4, 5])
  })
})
