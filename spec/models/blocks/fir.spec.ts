import { expect, test } from 'vitest'
import { firDown, firUp, mirrorDown, mirrorUp } from '../../../src/models/blocks/fir.ts'
import { full, tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { list } from '../../support/host.ts'

const picture = tensor(
  Array.from({ length: 12 }, (_, i) => (i + 1) ** 2 / 10),
  [1, 1, 3, 4],
)
const check = (got: Tensor, shape: readonly number[], want: readonly number[]): void => {
  expect(got.shape).toEqual(shape)
  list(got)
    .slice(0, want.length)
    .forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 5))
}

test('zero outside, as diffusers upsample_2d and downsample_2d', () => {
  check(firDown(picture), [1, 1, 1, 2], [2.2375001907348633, 3.526562452316284])
  check(
    firUp(picture),
    [1, 1, 6, 8],
    [0.05625, 0.13125, 0.24375, 0.39375, 0.58125, 0.80625, 1.06875, 0.9, 0.525, 0.825],
  )
})
test('mirrored outside, as diffusers KUpsample2D and KDownsample2D', () => {
  const wide = tensor(
    Array.from({ length: 24 }, (_, i) => (i + 1) ** 2 / 10),
    [1, 1, 4, 6],
  )
  check(mirrorDown(wide), [1, 1, 2, 3], [5.525, 8.05, 11.125, 24.875, 30.55, 36.775])
  check(mirrorUp(picture), [1, 1, 6, 8], [0.825, 0.825, 1.075, 1.375, 1.725, 2.125, 2.575, 2.575])
})
test('mirrored borders keep a flat picture flat, channel by channel', () => {
  const flat = full([2, 3, 4, 4], 1).mul(tensor([1, 2, 3], [1, 3, 1, 1]))
  for (const [f, d] of [
    [mirrorUp, 8],
    [mirrorDown, 2],
  ] as const) {
    const y = f(flat)
    expect(y.shape).toEqual([2, 3, d, d])
    expect(new Set(list(y))).toEqual(new Set([1, 2, 3]))
  }
})
