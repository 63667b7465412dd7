import { expect, test } from 'vitest'
import { gaussianFourier, sinusoids, timestepsOf } from '../../../src/models/blocks/time-embedding.ts'
import { tensor } from '../../../src/tensor/tensor.ts'
import { valuesOf } from '../../support/host.ts'

const t = tensor([999, 0.5, 437.25])
const check = (got: ArrayLike<number>, want: readonly number[]): void => {
  expect(got.length).toBe(want.length)
  // Half an ulp of an angle of 999 is 3e-5.
  want.forEach((v, i) => expect(Math.abs(got[i]! - v)).toBeLessThan(4e-5))
}

test('sines then cosines, as diffusers gives them for fractional timesteps', () => {
  // get_timestep_embedding(t, 6, flip_sin_to_cos=False, downscale_freq_shift=1)
  const want = [
    [-0.02646075189113617, -0.5356031656265259, 0.09973391145467758],
    [0.9996498227119446, -0.8444697856903076, 0.9950141310691833],
    [0.4794255495071411, 0.004999978933483362, 4.999999509891495e-5],
    [0.8775825500488281, 0.9999874830245972, 1],
    [-0.5384706854820251, -0.9427916407585144, 0.043711062520742416],
    [-0.842644214630127, -0.3333824872970581, 0.9990442395210266],
  ].flat()
  check(valuesOf(sinusoids(6)(t), 'f32'), want)
  check(valuesOf(sinusoids(6)(t), 'f64'), want)
})
test('cosines first, and a zero at the end of an odd dimension', () => {
  // get_timestep_embedding(t, 7, flip_sin_to_cos=True, downscale_freq_shift=0)
  const want = [
    [0.999649823, -0.728673339, -0.549264669, -0.026460752, 0.684861422, 0.835648477, 0],
    [0.87758255, 0.999730706, 0.999999404, 0.47942555, 0.023205863, 0.001077217, 0],
    [-0.842644215, 0.124677837, 0.588150203, -0.538470685, 0.992197275, 0.808751702, 0],
  ].flat()
  check(valuesOf(sinusoids(7, { cosFirst: true, shift: 0 })(t), 'f32'), want)
})
test('timesteps of every kind are a list', () => {
  expect(timestepsOf(3).shape).toEqual([1])
  expect(timestepsOf(tensor(3)).shape).toEqual([1])
  expect(timestepsOf(tensor([1, 2], [2], 'i32'))).toMatchObject({ shape: [2], dtype: 'f32' })
})
test('Fourier features of the logarithm', () => {
  const weight = tensor([1.5, -20])
  const got = valuesOf(gaussianFourier({ weight })(tensor([30])))
  const angles = [1.5, -20].map((w) => 2 * Math.PI * w * Math.log(30))
  ;[...angles.map(Math.sin), ...angles.map(Math.cos)].forEach((v, i) => expect(got[i]).toBeCloseTo(v, 4))
})
