import { expect, test } from 'vitest'
import { compile, read } from '../../../src/backend/compile.ts'
import { fromStorage, type Tensor } from '../../../src/tensor/tensor.ts'

/** σ of xs, by 1 / (1 + 2ˣ). */
const sigmoids = async (xs: Float32Array): Promise<ArrayLike<number>> =>
  read(compile((x: Tensor) => x.sigmoid(), { backend: 'wasm' })(fromStorage(xs, [xs.length], 'f32')))

test('powers of 2 are right next to halves, where the whole part changes, and at both ends', async () => {
  const halves = Array.from({ length: 507 }, (_, i) => (i - 253) / 2)
  const xs = Float32Array.from(
    [...halves, 128, 129, 1e30, Infinity, -127, -1e30, -Infinity].flatMap((x) =>
      [1 - 2 ** -23, 1, 1 + 2 ** -23].map((by) => -x * by * Math.LN2),
    ),
  )
  const got = await sigmoids(xs)
  const wrong = Array.from(xs, (x, i) => [x, got[i]!, 1 / (1 + Math.exp(-x))] as const).filter(
    ([x, own, want]) => !(Math.abs(own - want) <= 5e-7 * want * Math.max(1, Math.abs(x) / 4) || want < 2 ** -125),
  )
  expect(wrong).toEqual([])
})
