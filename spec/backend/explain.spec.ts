import { expect, it } from 'vitest'
import { explain } from '../../src/backend/explain.ts'
import { conv2d } from '../../src/tensor/nn.ts'
import { tensor, type Scalar, type Tensor } from '../../src/tensor/tensor.ts'

it('shows every stage as text', async () => {
  const weight = tensor([1, 2, 3, 4], [1, 1, 2, 2], 'f32', 'conv.weight')
  const f = (x: Tensor, t: Scalar): Tensor => conv2d({ weight })(x).mul(t).mul(1).silu()
  const told = await explain(f, { backend: 'tfjs-cpu' })(tensor([1, 2, 3, 4], [1, 1, 2, 2]), 3)
  expect(told.traced).toMatchInlineSnapshot(`
    "λ a: f32[1,1,2,2], b: f32[].
      c: f32[1,1,2,2] = conv.weight
      d: f32[1,1,1,1] = conv[1,1; 0,0,0,0] a c
      e: f32[1,1,1,1] = mul d b
      f: f32[1,1,1,1] = mul e 1
      g: f32[1,1,1,1] = silu f
      in (g)"
  `)
  expect(told.simplified).toMatchInlineSnapshot(`
    "λ a: f32[1,1,2,2], b: f32[].
      c: f32[1,1,2,2] = conv.weight
      d: f32[1,1,1,1] = conv[1,1; 0,0,0,0] a c
      e: f32[1,1,1,1] = mul d b
      f: f32[1,1,1,1] = silu e
      in (f)"
  `)
  expect(told.program).toMatchInlineSnapshot(`
    "once:
      %0: f32[2,2,1,1] = permute[2,3,1,0] conv.weight; free conv.weight
    every run:
      %2: f32[1,2,2,1] = permute[0,2,3,1] 0
      %3: f32[1,1,1,1] = convChannelsLast{"stride":[1,1],"padding":[0,0,0,0],"dilation":[1,1],"groups":1} %2 %0; free %2
      %5: f32[1,1,1,1] = mul %3 1; free %3
      %6: f32[1,1,1,1] = silu %5; free %5
    gives %6"
  `)
  expect(told.backend).toBe('TensorFlow.js on plain JavaScript')
})
