import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as build from '../../src/graph/build.ts'
import { check } from '../../src/graph/check.ts'
import { toposort, type Call } from '../../src/graph/node.ts'
import { print } from '../../src/graph/print.ts'
import { linear, silu, softmax } from '../../src/tensor/nn.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { trace } from '../../src/tensor/trace.ts'
import { program } from '../support/arbitrary-graph.ts'

describe('nodes', () => {
  it('are one object for one expression', () => {
    const x = tensor([1, 2])
    expect(x.mul(2).add(1).node).toBe(x.mul(2).add(1).node)
    expect(x.mul(2).node).not.toBe(x.mul(3).node)
    expect(build.constant(0)).not.toBe(build.constant(-0))
  })
  it('that are calls share a body with those of other arguments of the same types', () => {
    const [x, y, z] = [tensor([1, 2]).node, tensor([3, 4]).node, tensor([5]).node]
    const call = softmax()(tensor([1, 2])).node as Call
    const [again, other] = [x, z].map((n) => build.withSources(call, [n]) as Call)
    expect(again!.body).toBe(call.body)
    expect(again).toBe(build.withSources(build.withSources(call, [y]), [x]))
    expect(other!.body).not.toBe(call.body)
    expect(check({ inputs: [], outputs: [other!, again!] }).outputs[0]!.shape).toEqual([1])
  })
  it('are sorted without recursion', () => {
    let x: Tensor = tensor([1])
    for (let i = 0; i < 50_000; i++) x = x.add(x)
    expect(toposort([x.node]).length).toBe(50_001)
  })
})

describe('print', () => {
  it('reads like a paper', () => {
    const f = (p: { readonly w: Tensor; readonly b: Tensor }, x: Tensor): Tensor =>
      pipe(x, linear({ weight: p.w, bias: p.b }), silu, softmax())
    const { graph } = trace(f, [
      { w: tensor([1, 2, 3, 4, 5, 6], [3, 2]), b: tensor([1, 1, 1]) },
      tensor([1, 2], [1, 2]),
    ])
    expect(print(graph)).toMatchInlineSnapshot(`
      "λ a: f32[3,2], b: f32[3], c: f32[1,2].
        d: f32[2,3] = permute[1,0] a
        e: f32[1,3] = dot c d
        f: f32[1,3] = add e b
        g: f32[1,3] = silu f
        h: f32[1,3] = softmax{"axis":1} g
        in (h)"
    `)
  })
})

describe('check', () => {
  it('holds for every traced program', () => {
    fc.assert(fc.property(program, ({ f, x }) => void check(trace(f, [x]).graph)))
  })
  it('names an input that was not declared', () => {
    const stray = build.input('stray', [2])
    expect(() => check({ inputs: [], outputs: [build.map1('exp', stray)] })).toThrow('is read but not declared')
  })
})
