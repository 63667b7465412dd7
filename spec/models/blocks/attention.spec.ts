import { expect, test } from 'vitest'
import { imageAttention, imageAttentionOf, multiHead, projectionsOf } from '../../../src/models/blocks/attention.ts'
import { initialise, record } from '../../../src/params/codec.ts'
import { seed } from '../../../src/random/generator.ts'
import { randn } from '../../../src/tensor/noise.ts'
import { list } from '../../support/host.ts'

test('attention to a context: each query sees every token of it', () => {
  const p = initialise(record(projectionsOf(8, 8, { context: 5 })), seed(1))
  const [x, context] = [randn(seed(2), [2, 3, 8]), randn(seed(3), [2, 7, 5])]
  const y = multiHead(p, { headDim: 4, context })(x)
  expect(y.shape).toEqual([2, 3, 8])
  // The order of the context's tokens does not matter.
  const turned = multiHead(p, { headDim: 4, context: context.flip(1) })(x)
  list(turned).forEach((v, i) => expect(v).toBeCloseTo(list(y)[i]!, 12))
})
test('heads that do not fill the channels leave the rest out', () => {
  const spec = { channels: 8, headDim: 3, groups: 4, eps: 1e-5 }
  const p = initialise(imageAttentionOf(spec), seed(1))
  expect(p.to_q.weight.shape).toEqual([6, 8])
  expect(imageAttention(p, spec)(randn(seed(2), [1, 8, 3, 2])).shape).toEqual([1, 8, 3, 2])
})
test('pixels may change places: attention follows', () => {
  const spec = { channels: 8, headDim: 4, groups: 2, eps: 1e-5, scale: 2 }
  const p = initialise(imageAttentionOf(spec), seed(1))
  const x = randn(seed(2), [1, 8, 3, 2])
  const want = list(imageAttention(p, spec)(x).flip(2))
  list(imageAttention(p, spec)(x.flip(2))).forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 12))
})
