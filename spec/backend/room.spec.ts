import { expect, it } from 'vitest'
import { roomOf } from '../../src/backend/tfjs/room.ts'
import { tfjsPasses } from '../../src/backend/tfjs/tfjs.ts'
import { plan } from '../../src/passes/plan.ts'
import { conv2d } from '../../src/tensor/nn.ts'
import { randn } from '../../src/tensor/noise.ts'
import { seed } from '../../src/random/generator.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { trace } from '../../src/tensor/trace.ts'

it('a program takes its weights twice, as they are and packed, and what its steps hold at once', () => {
  const weight = randn(seed(0), [8, 4, 3, 3])
  const x = randn(seed(1), [1, 4, 16, 16])
  const traced = trace((input: Tensor) => conv2d({ weight }, { padding: 1 })(input).relu(), [x])
  const { peak, weights } = roomOf(plan(tfjsPasses.reduce((g, pass) => pass.run(g), traced.graph)))
  const once = 4 * 8 * 4 * 9
  expect(weights).toBe(2 * once)
  const picture = 4 * 8 * 16 * 16
  expect(peak).toBeGreaterThanOrEqual(weights + 2 * picture)
  expect(peak).toBeLessThanOrEqual(weights + 3 * picture)
})
