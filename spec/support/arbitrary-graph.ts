/** Small random programs: shapes with ones, odd sizes, broadcasts, views of views. */
import fc from 'fast-check'
import {
  attention,
  avgPool2d,
  conv2d,
  groupNorm,
  layerNorm,
  linear,
  resizeNearest,
  softmax,
  sort,
} from '../../src/tensor/nn.ts'
import { concat, tensor, type Tensor } from '../../src/tensor/tensor.ts'

const value = fc.double({ min: -2, max: 2, noNaN: true }).map(Math.fround)
const extent = fc.constantFrom(1, 1, 2, 3, 4, 5)

/** A tensor of a shape, with values from −2 to 2. */
export const tensorOf = (shape: readonly number[]): fc.Arbitrary<Tensor> => {
  const n = shape.reduce((a, b) => a * b, 1)
  return fc.array(value, { minLength: n, maxLength: n }).map((data) => tensor(data, shape))
}

/** A picture-like tensor [N, C, H, W]. */
export const image: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(1, 2), fc.constantFrom(2, 4), extent, extent)
  .chain((shape) => tensorOf(shape))

type Move = { readonly name: string; readonly apply: (x: Tensor) => Tensor }
const move = (name: string, apply: (x: Tensor) => Tensor): Move => ({ name, apply })
const weights = (...shape: number[]): Tensor =>
  tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i + 1) / 2),
    shape,
  )

/** Steps that take any [N, C, H, W] with an even number of channels, and give one. */
const moves: readonly Move[] = [
  move('silu', (x) => x.silu()),
  move('affine', (x) => x.mul(0.5).add(0.25)),
  move('divide', (x) => x.div(x.abs().add(1))),
  move('row', (x) => x.mul(x.mean(-1))),
  move('column', (x) => x.sub(x.amax(2))),
  move('channel', (x) => x.add(weights(1, x.shape[1]!, 1, 1))),
  move('turn', (x) => x.permute(0, 1, 3, 2)),
  move('turn far', (x) => x.permute(0, 1, 3, 2).permute(0, 1, 3, 2).flip(2)),
  move('flip', (x) => x.flip(3)),
  move('pad', (x) => x.pad([0, 0, 1, 0], [0, 0, 0, 1], 0.5)),
  move('slice', (x) => (x.shape[3]! > 1 ? x.slice(3, 1) : x)),
  move('every second', (x) => x.slice(2, 0, undefined, 2)),
  move('concat', (x) => concat([x, x.neg()], 1).slice(1, 0, x.shape[1]!)),
  move('concat width', (x) => (x.shape[3]! < 8 ? concat([x, x.square()], 3) : x)),
  move('norm', (x) => groupNorm({ weight: weights(x.shape[1]!), bias: weights(x.shape[1]!) }, { groups: 2 })(x)),
  move('layer norm', (x) => (x.shape[3]! > 1 ? layerNorm({})(x) : x)),
  move('softmax', (x) => softmax(-1)(x)),
  move('softmax rows', (x) => softmax(2)(x)),
  move('conv', (x) => conv2d({ weight: weights(4, x.shape[1]!, 3, 3), bias: weights(4) }, { padding: 1 })(x)),
  move('conv stride', (x) =>
    conv2d({ weight: weights(2, x.shape[1]!, 3, 3) }, { padding: [0, 2, 1, 1], stride: 2 })(x),
  ),
  move('conv groups', (x) => conv2d({ weight: weights(4, x.shape[1]! / 2, 1, 1) }, { groups: 2 })(x)),
  move('conv dilated', (x) => conv2d({ weight: weights(2, x.shape[1]!, 3, 3) }, { padding: 2, dilation: 2 })(x)),
  move('linear', (x) => linear({ weight: weights(3, x.shape[3]!), bias: weights(3) })(x)),
  move('matmul', (x) => x.dot(x.transpose()).mul(0.1)),
  move('attention', (x) => attention(x, x, x)),
  move('resize', (x) => (x.shape[2]! < 6 && x.shape[3]! < 6 ? resizeNearest(x.shape[2]! * 2, x.shape[3]! + 1)(x) : x)),
  move('pool', (x) => (x.shape[2]! > 1 && x.shape[3]! > 1 ? avgPool2d(2)(x) : x)),
  move('sort', (x) => sort(x)),
  move('gather', (x) => x.gather(1, tensor([1, 0, 1, 7], [4], 'i32'))),
  move('where', (x) => x.gt(0).where(x, x.mul(0.1))),
  move('expand', (x) => x.mean(2).expand(...x.shape)),
]

/** A program of up to six steps, with its name and an input for it. */
export const program: fc.Arbitrary<{ readonly name: string; readonly f: (x: Tensor) => Tensor; readonly x: Tensor }> =
  fc.tuple(fc.array(fc.constantFrom(...moves), { minLength: 1, maxLength: 6 }), image).map(([steps, x]) => ({
    name: steps.map((s) => s.name).join(' → '),
    f: (input: Tensor) => steps.reduce((y, s) => s.apply(y), input),
    x,
  }))
