import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { check } from '../../src/graph/check.ts'
import { evaluate } from '../../src/graph/evaluate/evaluate.ts'
import { print } from '../../src/graph/print.ts'
import { channelsLast } from '../../src/backend/tfjs/channels-last.ts'
import { inline } from '../../src/passes/inline.ts'
import { plan } from '../../src/passes/plan.ts'
import { identities, simplify } from '../../src/passes/simplify.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { trace } from '../../src/tensor/trace.ts'
import { program } from '../support/arbitrary-graph.ts'
import { valuesOf } from '../support/host.ts'

describe.each([simplify, inline(new Set()), channelsLast])('$name', (pass) => {
  it('preserves meaning and types, and gives a graph', () => {
    fc.assert(
      fc.property(program, ({ f, x }) => {
        const { graph } = trace(f, [x])
        const after = check(pass.run(graph))
        const input = valuesOf(x)
        const [before, got] = [evaluate(graph, [input])[0]!, evaluate(after, [input])[0]!]
        expect(after.outputs.map((n) => n.shape)).toEqual(graph.outputs.map((n) => n.shape))
        expect([...got]).toEqual([...before])
      }),
    )
  })
})

describe('simplify', () => {
  const simplified = (f: (x: Tensor) => Tensor): string =>
    print(simplify.run(trace(f, [tensor([1, -0, NaN, Infinity], [2, 2])]).graph))
      .split('\n')
      .slice(1, -1)
      .join(';')
      .trim()
  it('knows its identities', () => {
    expect(identities).toMatchInlineSnapshot(`
      [
        "x · 1 = x",
        "x / 1 = x",
        "x − 0 = x",
        "−(−x) = x",
        "where(c, x, x) = x",
        "reshape ∘ reshape = reshape",
        "permute ∘ permute = permute",
        "permute of a line = reshape",
        "a thing after itself along an axis of 1 = the thing repeated",
        "a fold of one element = the element, but for Σ: 0 + −0 is 0",
      ]
    `)
    expect(simplified((x) => x.mul(1).div(1).sub(0).neg().neg())).toBe('')
    expect(simplified((x) => x.gt(0).where(x, x))).toBe('')
    expect(simplified((x) => x.permute(1, 0).permute(1, 0).reshape(4).reshape(2, 2))).toBe('')
  })
  it('leaves alone what is no identity for floats', () => {
    expect(simplified((x) => x.add(0))).not.toBe('') // −0 + 0 is 0
    expect(simplified((x) => x.mul(0))).not.toBe('') // NaN · 0 is NaN
    expect(simplified((x) => x.sub(x))).not.toBe('') // ∞ − ∞ is NaN
  })
})

describe('plan', () => {
  it('frees every value once, after its last use, and computes what is constant once', () => {
    fc.assert(
      fc.property(program, ({ f, x }) => {
        const { steps, once, kept, graph } = plan(trace(f, [x]).graph)
        const freed = steps.flatMap((s) => s.frees)
        expect(new Set(freed).size).toBe(freed.length)
        expect(freed.length + new Set(graph.outputs.filter((n) => steps.some((s) => s.node === n))).size).toBe(
          steps.length,
        )
        expect(once.flatMap((s) => s.frees).some((n) => kept.includes(n))).toBe(false)
      }),
    )
  })
})
