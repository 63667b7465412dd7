import fc from 'fast-check'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { cudaSeed, generatorOf, seed } from '../../src/random/generator.ts'
import { noise, randint, randn } from '../../src/tensor/noise.ts'
import { checkRng } from '../reference/rng.ts'
import { list } from '../support/host.ts'

describe('recorded streams', () => {
  it('are reproduced', async () => {
    const checks = await checkRng(fileURLToPath(new URL('../reference/data/rng', import.meta.url)))
    expect(checks.length).toBeGreaterThan(300)
    expect(checks.filter((c) => !c.pass)).toEqual([])
  })
})

describe('seeds', () => {
  it('are values: the same one gives the same draws', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
        fc.integer({ min: 1, max: 40 }),
        (n, length) => {
          expect(generatorOf(seed(n)).randn([length])).toEqual(generatorOf(seed(n)).randn([length]))
          expect(generatorOf(seed(n)).randn([length])).toEqual(generatorOf(seed(BigInt.asUintN(32, n))).randn([length]))
        },
      ),
    )
  })
  it('must be whole and fit 64 bits', () => {
    for (const bad of [0.5, NaN, Infinity, 2 ** 60, 2n ** 64n]) expect(() => seed(bad)).toThrow('seed')
  })
})

describe('generators', () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })
  it.each([seed(3), cudaSeed(3)])('of $kind: a clone draws what the original would have', (s) => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 50 }), (before, n) => {
        const g = generatorOf(s)
        before.forEach((length) => g.randn([length]))
        const copy = g.clone()
        const want = copy.randn([n])
        expect(g.randn([n])).toEqual(want)
      }),
    )
  })
  it('draw integers within their bounds', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 2 ** 40 }), (low, span) => {
        for (const x of generatorOf(seed(1)).randint(low, low + span, [8]))
          expect(x >= low && x < low + span).toBe(true)
      }),
    )
  })
})

describe('streams of noise', () => {
  it('are consecutive draws, in whatever order they are asked for', () => {
    const g = generatorOf(seed(7))
    const [a, b, c] = [g.randn([2, 3]), g.randn([2, 3]), g.randn([2, 3])]
    const s = noise(seed(7), [2, 3])
    const third = list(s.next.next.head)
    expect([list(s.head), list(s.next.head), third]).toEqual([[...a], [...b], [...c]])
    expect(list(randn(seed(7), [2, 3]))).toEqual([...a])
  })
  it('draw each sample of a batch from its own seed', () => {
    const [x, y] = [list(randn(seed(1), [1, 2, 4, 4])), list(randn(seed(2), [1, 2, 4, 4]))]
    expect(list(randn([seed(1), seed(2)], [2, 2, 4, 4]))).toEqual([...x, ...y])
    expect(() => noise([seed(1)], [2, 2])).toThrow('1 seeds for a batch of 2')
  })
  it('of integers are integers', () => {
    expect(randint(seed(0), 0, 10, [4]).dtype).toBe('i32')
  })
})
