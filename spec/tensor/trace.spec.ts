import { describe, expect, it } from 'vitest'
import { noiseOf, sparing, type Noise } from '../../src/tensor/noise.ts'
import { chunk, quantile } from '../../src/tensor/nn.ts'
import { tensor, type Scalar, type Tensor } from '../../src/tensor/tensor.ts'
import { bound, rebuild, trace } from '../../src/tensor/trace.ts'
import { leaves, mapTree, skeleton } from '../../src/tensor/tree.ts'
import { list } from '../support/host.ts'

describe('trees', () => {
  const tree = { a: tensor([1, 2]), b: [3, { c: tensor([[1]]) }], d: 'static', e: undefined }
  it('have leaves with paths', () => {
    expect(leaves(tree).map(([path, leaf]) => [path, typeof leaf === 'number' ? leaf : leaf.shape])).toEqual([
      ['a', [2]],
      ['b.0', 3],
      ['b.1.c', [1, 1]],
    ])
    expect(mapTree((leaf) => (typeof leaf === 'number' ? leaf + 1 : leaf), tree).b[0]).toBe(4)
  })
  it('have one skeleton for all numbers and values, and others for other shapes and static parts', () => {
    expect(skeleton({ ...tree, b: [9, tree.b[1]] })).toBe(skeleton(tree))
    expect(skeleton({ ...tree, d: 'other' })).not.toBe(skeleton(tree))
    expect(skeleton({ ...tree, a: tensor([1, 2, 3]) })).not.toBe(skeleton(tree))
    expect(skeleton([() => 1])).not.toBe(skeleton([() => 2]))
  })
})

describe('trace', () => {
  it('makes an input of every leaf and every draw, and puts values back', () => {
    const f = (s: { readonly x: Tensor; readonly noise: Noise }, t: Scalar) => ({
      x: s.x.mul(t).add(s.noise.next.head),
      noise: s.noise.next.next,
      t,
    })
    const stream = noiseOf([1, 2, 3].map((v) => tensor([v])))
    const args: Parameters<typeof f> = [{ x: tensor([5]), noise: stream }, 7]
    const traced = trace(f, args)
    expect(traced.graph.inputs.map((i) => i.name)).toEqual(['0.x', '1', '0.noise.1'])
    const given = leaves(args).map(([, leaf]) => leaf)
    const values = traced.bindings.map((b) => bound(b, given))
    expect(values.map((v) => (typeof v === 'number' ? v : list(v)[0]))).toEqual([5, 7, 2])
    const result = rebuild(traced, given, [tensor([37]), tensor(7)])
    expect(list(result.noise.head)).toEqual([3])
  })
})

describe('streams', () => {
  it('end with an error that says how long they were', () => {
    expect(() => noiseOf([tensor([1])]).next.head).toThrow('the stream ended after 1 draws')
  })
  it('can be silent where nothing is drawn', () => {
    const s = sparing(noiseOf([tensor([1]), tensor([2])]), [true, false, true])
    expect([s.head, s.next.head, s.next.next.head].map((x) => list(x)[0])).toEqual([1, 0, 2])
  })
})

describe('layers', () => {
  it('split what divides, and say what does not', () => {
    expect(chunk(tensor([1, 2, 3, 4]), 2).map((x) => list(x))).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(() => chunk(tensor([1, 2, 3]), 2)).toThrow('chunk')
  })
  it('interpolate quantiles', () => {
    expect(list(quantile(0.25)(tensor([4, 1, 3, 2]).reshape(1, 4)))).toEqual([1.75])
  })
})
