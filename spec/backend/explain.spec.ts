import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { explain } from '../../src/backend/explain.ts'
import { toposort, type Graph } from '../../src/graph/node.ts'
import { opOf } from '../../src/graph/print.ts'
import { lower } from '../../src/passes/lower.ts'
import { nodesOf } from '../../src/passes/provenance.ts'
import { conv2d, groupNorm, silu } from '../../src/tensor/nn.ts'
import { tensor, type Scalar, type Tensor } from '../../src/tensor/tensor.ts'
import { trace } from '../../src/tensor/trace.ts'
import { program } from '../support/arbitrary-graph.ts'
import { guidedStep, tiny } from '../support/guided-step.ts'
import { targets } from '../support/targets.ts'

const numbers = (shape: readonly number[], label?: string): Tensor =>
  tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)),
    shape,
    'f32',
    label,
  )
const norm = { weight: numbers([8], 'norm.weight'), bias: numbers([8], 'norm.bias') }
const conv = { weight: numbers([8, 8, 3, 3], 'conv.weight'), bias: numbers([8], 'conv.bias') }
/** A residual block. */
const block = (x: Tensor, t: Scalar): Tensor =>
  conv2d(conv, { padding: 1 })(silu(groupNorm(norm, { groups: 2 })(x)))
    .add(x)
    .mul(t)
const args = [numbers([2, 8, 6, 6]), 0.5] as const

describe('an explanation', () => {
  it('tells the story of a function, in a few lines, of an adapter that is not there', async () => {
    const { text } = await explain(block, { adapter: 'gpu' })(...args)
    expect(text).toMatchInlineSnapshot(`
      "WebGPU, as on gpu

      trace      13 nodes
      fuse       11 nodes → 4 kernels  +2 map, +1 gemm, +1 normalise
      epilogues  4 → 2 kernels         −2 map
      pack       2 → 3 kernels         +1 map once

      once, 1 kernel: 0 flop, 2.30 kB read, 4.61 kB written

                                                                     flop     read  written
        0  normalise  [2,2] over [4,6,6]  groupNorm + silu · norm  4.61 k  2.37 kB  2.30 kB
        1  gemm       [1,2,6,6] × 72 × 8  conv + add + mul · conv  84.7 k  9.25 kB  2.30 kB
      every run, 2 kernels: 89.3 kflop, 11.6 kB read, 4.61 kB written
      4.61 kB during a run, of which 4.61 kB are alive at once; 4.70 kB kept; 2 pipelines for a run and 1 before the first"
    `)
  })

  it('has every kernel: what it computes, what it costs, where its operands lie', async () => {
    const { kernels, passes, plan, code } = await explain(block, { adapter: 'gpu' })(...args)
    const [gemm] = kernels.filter((k) => k.kind === 'gemm')
    expect(gemm).toMatchInlineSnapshot(
      { code: expect.any(String) },
      `
      {
        "code": Any<String>,
        "computes": [
          {
            "name": "h",
            "op": "conv[1,1; 1,1,1,1]",
          },
          {
            "name": "k",
            "op": "add",
          },
          {
            "name": "l",
            "op": "add",
          },
          {
            "name": "m",
            "op": "mul",
          },
        ],
        "flops": 84672,
        "index": 1,
        "kind": "gemm",
        "label": "conv + add + mul · conv",
        "over": "[1,2,6,6] × 72 × 8",
        "read": 9252,
        "reads": [
          {
            "bytes": 4608,
            "name": "%7",
            "parameters": [
              "conv.weight",
            ],
            "place": "kept",
          },
          {
            "bytes": 2304,
            "name": "%6",
            "offset": 0,
            "parameters": [],
            "place": "arena",
          },
          {
            "bytes": 32,
            "name": "conv.bias",
            "parameters": [
              "conv.bias",
            ],
            "place": "parameter",
          },
          {
            "bytes": 2304,
            "name": "input0",
            "parameters": [],
            "place": "input",
          },
          {
            "bytes": 4,
            "name": "numbers",
            "parameters": [],
            "place": "input",
          },
        ],
        "results": [
          {
            "bytes": 2304,
            "name": "output0",
            "offset": 2304,
            "parameters": [],
            "place": "arena",
          },
        ],
        "when": "every",
        "written": 2304,
      }
    `,
    )
    expect(gemm!.code).toContain('@compute')
    expect(code).toContain(gemm!.code.trimEnd())
    const { listing } = passes.findLast((p) => p.of === 'node' && p.changed) ?? passes[0]!
    expect(listing).toBeDefined()
    expect(plan!.arena).toBeGreaterThanOrEqual(plan!.alive)
  })

  it('shows every stage, every slot and all code where it is asked to', async () => {
    const { text } = await explain(block, { adapter: 'swiftshader', stages: true, slots: true, code: true })(...args)
    expect(text.match(/^after .*/gm)).toEqual(['after trace', 'after fuse', 'after epilogues', 'after pack'])
    expect(text).toContain('conv[1,1; 1,1,1,1] f g')
    expect(text).toContain('reads %7 (kept of conv.weight')
    expect(text.match(/@compute/g)).toHaveLength(3)
  })

  it('says of WebAssembly how much there is of it', async () => {
    const { text, kernels, code } = await explain(block, { backend: 'wasm' })(...args)
    expect(text).toMatch(/\d+ functions, \d+ bytes of WebAssembly$/)
    expect(kernels.every((k) => /^\d+ bytes of WebAssembly$/.test(k.code))).toBe(true)
    expect(code).toBe('')
  })

  it('lists the steps of a backend that does not compile', async () => {
    const weight = tensor([1, 2, 3, 4], [1, 1, 2, 2], 'f32', 'conv.weight')
    const f = (x: Tensor, t: Scalar): Tensor => conv2d({ weight })(x).mul(t).mul(1).silu()
    const told = await explain(f, { backend: 'tfjs-cpu' })(tensor([1, 2, 3, 4], [1, 1, 2, 2]), 3)
    expect(told.traced).toMatchInlineSnapshot(`
      "λ a: f32[1,1,2,2], b: f32[].
        c: f32[1,1,2,2] = conv.weight
        d: f32[1,1,1,1] = conv[1,1; 0,0,0,0] a c
        e: f32[1,1,1,1] = mul d b
        f: f32[1,1,1,1] = mul e 1
        g: f32[1,1,1,1] = silu f
        in (g)"
    `)
    expect(told.program).toMatchInlineSnapshot(`
      "once:
        %0: f32[2,2,1,1] = permute[2,3,1,0] conv.weight; free conv.weight
      every run:
        %2: f32[1,2,2,1] = permute[0,2,3,1] 0
        %3: f32[1,1,1,1] = convChannelsLast{"stride":[1,1],"padding":[0,0,0,0],"dilation":[1,1],"groups":1} %2 %0; free %2
        %5: f32[1,1,1,1] = mul %3 1; free %3
        %6: f32[1,1,1,1] = silu %5; free %5
      gives %6"
    `)
    expect(told.backend).toBe('TensorFlow.js on plain JavaScript')
    expect([told.kernels, told.plan, told.code]).toEqual([[], undefined, ''])
  })
})

describe.each(targets)('kernels for $name', ({ target }) => {
  /** Nodes of the last graph that no kernel says it computes; views are not computed, nor gathers of what is repeated. */
  const missing = (graph: Graph): readonly string[] => {
    let last = graph
    const { once, every } = lower(graph, target, {}, (s) => {
      if (s._tag === 'Graph') last = s.graph
    })
    const computed = new Set([...once, ...every].flatMap((d) => [...nodesOf(d)]))
    const order = toposort(last.outputs)
    expect([...computed].filter((n) => !order.includes(n)).map(opOf)).toEqual([])
    return order.filter((n) => /Map|Reduce|Dot|Conv|Call|Concat/.test(n._tag) && !computed.has(n)).map(opOf)
  }

  it('compute every node of the graph, and no others, on generated graphs', () => {
    fc.assert(
      fc.property(program, ({ f, x }) => {
        expect(missing(trace(f, [x]).graph)).toEqual([])
      }),
    )
  })

  it('and in a guided step', () => {
    expect(missing(guidedStep(tiny, 8).graph)).toEqual([])
  })
})
