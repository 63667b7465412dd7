import { describe, expect, it } from 'vitest'
import { difference, median } from '../../bench/compare.ts'
import { flopsOf } from '../../bench/flops.ts'
import type { Measured } from '../../bench/measure.ts'
import { options } from '../../bench/options.ts'
import { goalsOf, goalsTable, reached } from '../../bench/report/goals.ts'
import { plotSheet } from '../../bench/report/plot.ts'
import { overheads } from '../../bench/report/overhead.ts'
import { merged, parsed, written } from '../../bench/report/results.ts'
import { keyOf, referencesOf, rowsOf } from '../../bench/report/rows.ts'
import { columns, figures, gapsTable, timesTable } from '../../bench/report/table.ts'
import { highest } from '../../bench/roofs/roof.ts'
import { nameOf, runners } from '../../bench/runners.ts'
import { workloads } from '../../bench/workloads/catalogue.ts'
import { chainOfSmall, kernels, kernelWork, linksOf } from '../../bench/workloads/kernels.ts'
import { svgOf } from '../../examples/plots/sheet.ts'
import { conv2d, trace, zeros, type Tensor } from '../../src/index.ts'

const runner = (name: string) => runners.find((r) => nameOf(r) === name)!
const workload = (id: string) => workloads.find((w) => w.id === id)!
const conv = workload('K.conv3x3-64@64')

const measured = (name: string, least: number, values: readonly number[], id = conv.id): Measured => ({
  runner: runner(name),
  workload: workload(id),
  extent: { steps: 1, chained: true },
  description: name,
  first: 10 * least,
  firstFold: 10 * least,
  least,
  middle: least,
  count: 3,
  result: Float32Array.from(values),
  facts: undefined,
})
const missing = { runner: runner('diffusers/2'), workload: conv, why: 'no Python' }
const cut = { runner: runner('onnxruntime-web/2'), workload: conv, why: 'repeat took more than 2 s', over: 2 }
const outcomes = [
  measured('wasm/2', 8, [1, 2]),
  measured('onnxruntime-web/2', 40, [1, 2]),
  measured('onnxruntime-node/2', 4, [1, 2.000001]),
  measured('tfjs-wasm/1', 3, [1, 3]),
]
const references = new Map([...referencesOf(outcomes)].map(([key, m]) => [key, m.result]))
const { rows, gaps } = rowsOf([...outcomes, missing], 1e9, references)

describe('a comparison', () => {
  it('is the largest difference over the largest value', () => {
    expect(difference(Float32Array.of(1, 2), Float32Array.of(1, 4))).toBe(0.5)
    expect(difference(Float32Array.of(1), Float32Array.of(1, 4))).toBeNaN()
    expect(difference(Float32Array.of(NaN), Float32Array.of(1))).toBeNaN()
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5])
  })
  it('is with whom we share least', () => {
    expect(referencesOf(outcomes).get(keyOf({ steps: 1, chained: true }))!.runner.id).toBe('onnxruntime-node')
  })
})

describe('a row', () => {
  it('is a link of the chain, and a ratio to ours of the same group', () => {
    const row = rows.find((r) => r.peer === 'onnxruntime-web')!
    expect([row.least, row.ratio, row.gflops, row.right]).toEqual([10, 5, 100, true])
    expect(rows.find((r) => r.peer === 'wasm')!.ratio).toBe(1)
  })
  it('has no time where the result is wrong, and none where there is none', () => {
    const row = rows.find((r) => r.peer === 'tfjs-wasm')!
    expect([row.right, row.ratio]).toEqual([false, undefined])
    expect(gaps).toMatchObject([{ workload: conv.id, group: 'cpu2', name: 'diffusers/2', why: 'no Python' }])
  })
})

describe('the report', () => {
  it('is a table', () => {
    const roof = { group: 'cpu2', of: 'wasm', description: '', gflops: 1000, copy: 1 } as const
    expect(timesTable(rows, [roof])).toMatchInlineSnapshot(`
      "one thread
                                              least ms  median  ratio  GFLOP/s  of roof         apart  first ms
      K.conv3x3-64@64: conv 3×3 64→64 at 64²
        tfjs-wasm                                    –       –                           WRONG 5.0e-1      30.0

      two threads
                                              least ms  median  ratio  GFLOP/s  of roof  apart  first ms
      K.conv3x3-64@64: conv 3×3 64→64 at 64²
        wasm                                      2.00    2.00   1.00      500     50 %   5e-7      80.0
        onnxruntime-web                           10.0    10.0   5.00      100            5e-7       400
        onnxruntime-node                          1.00    1.00   0.50     1000            0e+0      40.0"
    `)
    expect(gapsTable(gaps)).toBe('not measured: diffusers/2: no Python (K.conv3x3-64@64)')
    expect(columns([['a', 'b'], ['cc', 'ddd']])).toBe('a     b\ncc  ddd') // prettier-ignore
    expect([1234, 12.34, 1.234, 0.1234].map(figures)).toEqual(['1234', '12.3', '1.23', '0.12'])
  })
  it('says what has been reached', () => {
    const cold = [{ peer: 'diffold wasm', threads: 2, seconds: 2 }, { peer: 'diffusers', threads: 2, seconds: 1 }] // prettier-ignore
    const goals = goalsOf({ rows, roofs: [], cold, gaps })
    expect(goals.map((g) => [g.what, g.measured, reached(g)])).toEqual([
      ["K.conv3x3-64@64, cpu2: onnxruntime-web's time over ours", 5, true],
      ["a picture from a cold process, 2 thread(s): Python's time over ours", 0.5, false],
    ])
  })
  it('is a picture', () => {
    expect(svgOf(plotSheet({ rows, roofs: [], cold: [], gaps }))).toMatch(/Two threads[\s\S]*conv3x3-64@64/)
  })
})

describe('a peer that was cut off', () => {
  const [ours] = outcomes
  const told = rowsOf([ours!, cut], 1e9, references)
  const results = { ...told, roofs: [], cold: [] }
  it('is in the table with the least that it can be: the limit over our first fold', () => {
    expect(timesTable(told.rows, [], told.gaps)).toMatchInlineSnapshot(`
      "two threads
                                              least ms  median    ratio  GFLOP/s  of roof  apart  first ms
      K.conv3x3-64@64: conv 3×3 64→64 at 64²
        wasm                                      2.00    2.00     1.00      500            5e-7      80.0
        onnxruntime-web                       over 2 s       –  > 25.00                             > 2000"
    `)
  })
  it('leaves a goal open that the bound does not reach', () => {
    const [goal] = goalsOf(results)
    expect([goal!.measured, goal!.orMore, reached(goal!)]).toEqual([25, true, true])
    expect(reached({ ...goal!, atLeast: 30 })).toBeUndefined()
    expect(goalsTable(results)).toContain('> 25.0')
  })
})

describe('runs in pieces', () => {
  const first = rowsOf(outcomes, 1e9, references)
  it('are one table, of what was measured last, with ratios to it', () => {
    const again = rowsOf([measured('wasm/2', 4, [1, 2]), cut], 1e9, references)
    const older = parsed(written({ ...first, roofs: [], cold: [] }))
    const both = merged(older, { ...again, roofs: [], cold: [] })
    expect(both.rows.map((r) => [r.peer, r.ratio])).toEqual([
      ['tfjs-wasm', undefined],
      ['wasm', 1],
      ['onnxruntime-node', 1],
    ])
    expect(both.gaps.map((g) => g.name)).toEqual(['onnxruntime-web/2'])
  })
  it('have the highest roof that was seen on one machine', () => {
    const roof = { group: 'cpu1', of: 'wasm', description: 'a', gflops: 2, copy: 1 } as const
    expect(highest([roof], [{ ...roof, gflops: 1, copy: 3 }])).toEqual([{ ...roof, copy: 3 }])
    expect(highest([roof], [{ ...roof, description: 'b', gflops: 1 }])).toEqual([
      { ...roof, description: 'b', gflops: 1 },
    ])
  })
  it('keep what was no number', () => {
    const row = { ...first.rows[0]!, apart: NaN }
    expect(parsed(written({ rows: [row], roofs: [], cold: [], gaps: [] })).rows).toEqual([row])
  })
})

describe('the overhead of a kernel', () => {
  it('is what a chain of small ones takes beyond the same work in one', () => {
    const some = [measured('wasm/2', 0.3, [1], 'K.small-8x8x8'), measured('wasm/2', 0.045, [1], 'K.small-2048x8x8')]
    const known = rowsOf(some, 1, new Map([[keyOf(some[0]!.extent), Float32Array.of(1)]])).rows
    expect(overheads(known)).toEqual([{ group: 'cpu2', peer: 'wasm', ns: expect.closeTo(1000) }])
    expect(linksOf(chainOfSmall, false)).toBe(256)
  })
})

describe('what is counted', () => {
  it('are multiplications and additions of products and convolutions that depend on an input', () => {
    const weight = zeros([4, 3, 3, 3])
    const f = (x: Tensor): Tensor => conv2d({ weight: weight.add(zeros([4, 3, 1, 1]).dot(zeros([1, 1]))) })(x)
    expect(flopsOf(trace(f, [zeros([1, 3, 5, 5])]).graph)).toBe(2 * 4 * 9 * 27)
  })
  it('is a chain of links', async () => {
    const kernel = kernels.find((k) => k.id === 'matmul-4096x320x320')!
    const store = { floats: (name: string) => Promise.resolve(new Float32Array(name[0] === 'x' ? 4096 * 320 : 320 * 320)), checkpoint: () => '' } // prettier-ignore
    for (const [chained, repeats] of [
      [true, kernel.links],
      [false, 1],
    ] as const) {
      // prettier-ignore
      const work = await kernelWork(kernel, store, { steps: 1, chained })
      expect(work.repeats).toBe(repeats)
      expect(flopsOf(trace(work.step, [work.start, 0, undefined]).graph)).toBe(repeats * 2 * 4096 * 320 * 320)
    }
  })
})

describe('the options', () => {
  it('choose workloads and peers', () => {
    const asked = options(['--workloads', 'W1,K.conv', '--only', 'wasm,cpu2', '--threads', '2'])!
    expect(asked.workloads.map((w) => w.id)).toEqual(['W1', 'K.conv3x3-320@64', 'K.conv3x3-64@64'])
    expect(asked.runners.map(nameOf)).toEqual(['wasm/2', 'onnxruntime-web/2', 'onnxruntime-node/2', 'diffusers/2'])
    expect(options([])!.workloads.map((w) => w.id)).not.toContain('W4')
    expect(() => options(['--only', 'torch'])).toThrow(/--only torch: there are wasm/)
    expect(() => options(['--workloads', 'W9'])).toThrow(/--workloads W9: there are W1/)
  })
})
