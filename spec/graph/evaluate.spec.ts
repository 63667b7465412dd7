import { describe, expect, it } from 'vitest'
import {
  argmax,
  attention,
  avgPool2d,
  conv2d,
  groupNorm,
  layerNorm,
  quantile,
  resizeNearest,
  rmsNorm,
  softmax,
  sort,
} from '../../src/tensor/nn.ts'
import { concat, full, iota, stack, tensor, zeros } from '../../src/tensor/tensor.ts'
import { list } from '../support/host.ts'

const round = (xs: readonly number[], digits = 6): number[] =>
  xs.map((x) => Math.round(x * 10 ** digits) / 10 ** digits)

describe('elementwise', () => {
  it('broadcasts as NumPy does', () => {
    const x = tensor([1, 2, 3], [3, 1]).add(tensor([10, 20]))
    expect(x.shape).toEqual([3, 2])
    expect(list(x)).toEqual([11, 21, 12, 22, 13, 23])
  })
  it('wraps, truncates and saturates integers', () => {
    const x = tensor([2 ** 31 - 1, -7, 7], [3], 'i32')
    expect(list(x.add(1))).toEqual([-(2 ** 31), -6, 8])
    expect(list(x.div(2))).toEqual([2 ** 30 - 1, -3, 3])
    expect(list(x.div(0))).toEqual([0, 0, 0])
    expect(list(tensor([1e10, -1e10, NaN, 2.9]).to('i32'))).toEqual([2 ** 31 - 1, -(2 ** 31), 0, 2])
    expect(list(tensor([5], [1], 'u32').sub(6))).toEqual([2 ** 32 - 1])
  })
  it('rounds to 16 bits and back', () => {
    expect(
      list(
        tensor([1 / 3])
          .to('f16')
          .to('f32'),
      ),
    ).toEqual([0.333251953125])
    expect(
      list(
        tensor([1 / 3])
          .to('bf16')
          .to('f32'),
      ),
    ).toEqual([0.333984375])
  })
  it('refuses what it cannot mix', () => {
    expect(() => tensor([1]).add(tensor([1], [1], 'i32'))).toThrow('add: f32 and i32 differ')
    expect(() => tensor([1]).and(tensor([1]))).toThrow('and: f32 and f32 cannot be; it takes bool')
    expect(() => tensor([1, 2, 3]).add(tensor([1, 2]))).toThrow('add: [3] and [2] do not broadcast')
  })
})

describe('movement', () => {
  const x = tensor([0, 1, 2, 3, 4, 5], [2, 3])
  it('permutes, slices, flips, pads, expands', () => {
    expect(list(x.permute(1, 0))).toEqual([0, 3, 1, 4, 2, 5])
    expect(list(x.slice(1, 1))).toEqual([1, 2, 4, 5])
    expect(list(x.slice(1, -1))).toEqual([2, 5])
    expect(list(x.slice(1, 0, undefined, 2))).toEqual([0, 2, 3, 5])
    expect(list(x.flip(1))).toEqual([2, 1, 0, 5, 4, 3])
    expect(list(x.pad([0, 1], [1, 0], 9))).toEqual([9, 0, 1, 2, 9, 3, 4, 5, 9, 9, 9, 9])
    expect(list(full([], 7).expand(2, 2))).toEqual([7, 7, 7, 7])
    expect(x.slice(1, 2, 1).shape).toEqual([2, 0])
  })
  it('concatenates, stacks, gathers', () => {
    expect(list(concat([x, x.slice(1, 0, 1)], 1))).toEqual([0, 1, 2, 0, 3, 4, 5, 3])
    expect(stack([x, x], -1).shape).toEqual([2, 3, 2])
    expect(list(x.gather(1, tensor([2, 0, 9], [3], 'i32')))).toEqual([2, 0, 2, 5, 3, 5])
  })
  it('says which shapes do not fit', () => {
    expect(() => x.reshape(4)).toThrow('reshape: [2, 3] and [4] differ in size')
    expect(() => x.permute(0, 0)).toThrow('permute')
    expect(() => concat([x, tensor([1])])).toThrow('concat')
    expect(() => x.dot(x)).toThrow('dot: [2, 3] and [2, 3] do not multiply')
  })
})

describe('layers', () => {
  it('convolves as torch does', () => {
    const y = conv2d(
      { weight: tensor([1, 0, 0, -1], [1, 1, 2, 2]), bias: tensor([0.5]) },
      { padding: 1, stride: 2 },
    )(iota(9, 'f32').reshape(1, 1, 3, 3))
    expect(y.shape).toEqual([1, 1, 2, 2])
    expect(list(y)).toEqual([0.5, -1.5, -5.5, -3.5])
  })
  it('normalises', () => {
    const x = tensor([1, 2, 3, 4], [1, 4, 1, 1])
    expect(round(list(groupNorm({}, { groups: 2, eps: 0 })(x)))).toEqual([-1, 1, -1, 1])
    expect(round(list(layerNorm({}, { eps: 0 })(tensor([1, 3]))))).toEqual([-1, 1])
    expect(round(list(rmsNorm({ weight: tensor([2, 2]) }, { eps: 0 })(tensor([3, 4]))), 4)).toEqual([1.6971, 2.2627])
    expect(list(softmax()(tensor([0, Math.log(3)]))).map((v) => v.toFixed(6))).toEqual(['0.250000', '0.750000'])
  })
  it('attends', () => {
    const q = tensor([1, 0], [1, 1, 1, 2])
    const k = tensor([100, 0, 0, 100], [1, 1, 2, 2])
    expect(round(list(attention(q, k, tensor([5, 7], [1, 1, 2, 1]))))).toEqual([5])
    expect(round(list(attention(q, k, tensor([5, 7], [1, 1, 2, 1]), { mask: tensor([-1e9, 0]) })))).toEqual([7])
  })
  it('sorts, ranks and takes quantiles', () => {
    const x = tensor([3, 1, 2, 2, -1, 5, 5, 0], [2, 4])
    expect(list(sort(x))).toEqual([1, 2, 2, 3, -1, 0, 5, 5])
    expect(list(quantile(0.5)(x))).toEqual([2, 2.5])
    expect(list(argmax(x))).toEqual([0, 1])
  })
  it('resizes and pools', () => {
    const x = iota(4, 'f32').reshape(1, 1, 2, 2)
    expect(list(resizeNearest(3, 4)(x))).toEqual([0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3])
    expect(list(avgPool2d(2)(x))).toEqual([1.5])
    expect(zeros([1, 2]).shape).toEqual([1, 2])
  })
})
