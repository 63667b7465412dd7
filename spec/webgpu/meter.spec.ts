import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Allowance, Usual } from '../../src/backend/webgpu/allowance.ts'
import { meterOn, type Way } from '../../src/backend/webgpu/meter.ts'
import { fakeBench } from './bench-fake.ts'

type Durations = { readonly compile: number; readonly run: number; readonly late?: number }

/** A way of the figures that it takes. */
const wayOf = (durations: Durations): Way => durations as unknown as Way
const durationsOf = (way: Way): Durations => way as unknown as Durations
const world = () =>
  fakeBench({
    compile: (w) => durationsOf(w).compile,
    run: (w) => durationsOf(w).run,
    late: (w) => durationsOf(w).late ?? 1,
  })

/** Measures ways one after the other within so many milliseconds. */
const measureAll = async (budget: number, ways: readonly Durations[]) => {
  const { now, bench, steps } = world()
  const meter = meterOn(bench, now)
  const start = now()
  const time = new Allowance(budget, now)
  const times: (number | undefined)[] = []
  for (const w of ways) times.push(await meter.measure(wayOf(w), time))
  return { times, steps, took: now() - start }
}

describe('a time to do things in', () => {
  it('allows what ends before it is over', () => {
    let at = 5
    const time = new Allowance(10, () => at)
    expect([time.allows(), time.allows(9.5), time.allows(10)]).toEqual([true, true, false])
    at = 14
    expect([time.allows(), time.allows(2)]).toEqual([true, false])
    at = 15
    expect(time.allows()).toBe(false)
    expect(new Allowance(0, () => at).allows()).toBe(false)
  })
  it('is compared with what things usually take', () => {
    const usual = new Usual()
    expect(usual.ms).toBe(0)
    for (const ms of [300, 100, 2000, 200]) usual.note(ms)
    expect(usual.ms).toBe(2000)
    for (const ms of [100, 100, 100, 100]) usual.note(ms)
    expect(usual.ms).toBe(300)
  })
})

describe('a meter', () => {
  const duration = fc.double({ min: 0.001, max: 3000, noNaN: true })
  const budget = fc.double({ min: 0, max: 5000, noNaN: true })

  it('runs a kernel three times, after a part of it', async () => {
    const { times, steps } = await measureAll(1e6, [{ compile: 100, run: 16 }])
    expect(times).toEqual([16])
    expect(steps.map(([s]) => s)).toEqual(['compile', 'part', 'run', 'run', 'run'])
  })
  it('begins nothing where there is no time', async () => {
    expect(await measureAll(0, [{ compile: 100, run: 16 }])).toEqual({ times: [undefined], steps: [], took: 0 })
  })
  it('does not run what took all the time to compile', async () => {
    const { steps } = await measureAll(100, [{ compile: 300, run: 1 }])
    expect(steps.map(([s]) => s)).toEqual(['compile'])
  })
  it('does not compile where others took longer than what is left', async () => {
    const ways = [
      { compile: 300, run: 16 },
      { compile: 300, run: 16 },
    ]
    const { times, steps, took } = await measureAll(600, ways)
    expect(times).toEqual([16, undefined])
    expect(steps.length).toBe(5)
    expect(took).toBe(349)
  })
  it('does not run the whole of what is too slow, and goes on with the next', async () => {
    const ways = [
      { compile: 100, run: 16_000 },
      { compile: 100, run: 16 },
    ]
    const { times, steps } = await measureAll(4000, ways)
    expect(times).toEqual([undefined, 16])
    expect(steps.slice(0, 3).map(([s]) => s)).toEqual(['compile', 'part', 'compile'])
  })
  it('does not repeat a run that there is no time for', async () => {
    const { times, steps } = await measureAll(1000, [{ compile: 100, run: 480 }])
    expect(times).toEqual([480])
    expect(steps.map(([s]) => s)).toEqual(['compile', 'part', 'run'])
  })
  it('does not repeat what is much slower than another way', async () => {
    const { now, bench, steps } = world()
    const way = wayOf({ compile: 10, run: 160 })
    expect(await meterOn(bench, now).measure(way, new Allowance(1e6, now), 100)).toBe(160)
    expect(steps.filter(([s]) => s === 'run').length).toBe(1)
  })

  it('ends in time where compiling takes what it took before, the first time aside', async () => {
    await fc.assert(
      fc.asyncProperty(budget, duration, duration, async (ms, compile, run) => {
        const { took } = await measureAll(ms, Array<Durations>(20).fill({ compile, run }))
        expect(took).toBeLessThanOrEqual(Math.max(ms, compile + run / 16) + 1e-6)
      }),
    )
  })
  it('is late by one step at most, whatever takes how long', async () => {
    const ways = fc.array(
      fc.record({ compile: duration, run: duration, late: fc.double({ min: 0.1, max: 9, noNaN: true }) }),
    )
    await fc.assert(
      fc.asyncProperty(budget, ways, async (ms, all) => {
        const { took, steps } = await measureAll(ms, all)
        const last = steps.at(-1)?.[1] ?? 0
        // All but the last step began and ended in time.
        expect(took - last).toBeLessThanOrEqual(ms + 1e-6)
      }),
    )
  })
})
