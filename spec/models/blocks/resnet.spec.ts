import { expect, test } from 'vitest'
import { resnet, resnetOf, type ResnetSpec } from '../../../src/models/blocks/resnet.ts'
import { expectedOf, initialise } from '../../../src/params/codec.ts'
import { seed } from '../../../src/random/generator.ts'
import { randn } from '../../../src/tensor/noise.ts'
import { list } from '../../support/host.ts'

const plain: ResnetSpec = { inner: 4, outer: 8, groups: 2, eps: 1e-5, act: 'silu', timeNorm: 'default' }
const x = randn(seed(1), [2, 4, 4, 6])

test('an autoencoder has no time: nothing asks for it', () => {
  expect([...expectedOf(resnetOf(plain)).keys()].some((k) => k.startsWith('time_emb_proj'))).toBe(false)
  expect(resnet(initialise(resnetOf(plain), seed(2)), plain)(x).shape).toEqual([2, 8, 4, 6])
})
test.each([
  ['up', [2, 8, 8, 12]],
  ['down', [2, 8, 2, 3]],
  ['firUp', [2, 8, 8, 12]],
  ['firDown', [2, 8, 2, 3]],
] as const)('resampled %s', (resample, shape) => {
  const spec: ResnetSpec = { ...plain, temb: 5, resample }
  const y = resnet(initialise(resnetOf(spec), seed(2)), spec, randn(seed(3), [1, 5]))(x)
  expect(y.shape).toEqual(shape)
})
test('the scale divides the sum of both branches', () => {
  const p = initialise(resnetOf(plain), seed(2))
  const whole = list(resnet(p, plain)(x))
  list(resnet(p, { ...plain, scale: 4 })(x)).forEach((v, i) => expect(v).toBeCloseTo(whole[i]! / 4, 12))
})
test.each(['default', 'scale_shift', 'ada_group'] as const)('time by %s reaches the output', (timeNorm) => {
  const spec: ResnetSpec = { ...plain, temb: 5, timeNorm }
  const p = initialise(resnetOf(spec), seed(2))
  const at = (s: number) => list(resnet(p, spec, randn(seed(s), [2, 5]))(x))
  expect(at(3)).not.toEqual(at(4))
})
