import fc from 'fast-check'
import { either as E } from 'fp-ts'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { decodeConfig } from '../../src/core/config.ts'
import { size } from '../../src/core/shape.ts'
import { UNet2DConditionModel, unet2dCondition } from '../../src/models/unet2d-condition.ts'
import { unet2d } from '../../src/models/unet2d.ts'
import type { ModelProto } from '../../src/onnx/messages.ts'
import { modelOf, toOnnx } from '../../src/onnx/to-onnx.ts'
import { initialise } from '../../src/params/codec.ts'
import { load, orThrow } from '../../src/params/load.ts'
import { DDPM } from '../../src/pipelines/unconditional.ts'
import { seed } from '../../src/random/generator.ts'
import { conv2d, groupNorm, silu } from '../../src/tensor/nn.ts'
import { noise, randn, type Noise } from '../../src/tensor/noise.ts'
import { fromStorage, tensor, zeros, type Tensor } from '../../src/tensor/tensor.ts'
import { everyRow } from '../backend/every-row.ts'
import { program } from '../support/arbitrary-graph.ts'
import { list, valuesOf } from '../support/host.ts'
import { onOnnxruntime } from '../support/onnxruntime.ts'

everyRow('onnxruntime', async (f, ...xs) => [...(await onOnnxruntime(f, ...xs))[0]!])

/** The largest difference, as a part of the largest value. */
const difference = (got: ArrayLike<number>, want: ArrayLike<number>): number => {
  const [g, w] = [Array.from(got), Array.from(want)]
  expect(g.length).toBe(w.length)
  return Math.max(...g.map((v, i) => Math.abs(v - w[i]!))) / Math.max(...w.map(Math.abs))
}

/** A model as text: a line a node. */
const text = ({ graph }: ModelProto): string[] => [
  ...graph!.input!.map((v) => `input ${v.name}`),
  ...graph!.initializer!.map((t) => `${t.name}: ${t.data_type} [${t.dims}]`),
  ...graph!.node!.map((n) => {
    const attributes = n.attribute!.map((a) => `${a.name}=${a.i ?? a.ints ?? a.s ?? a.f}`)
    return `${n.output} = ${[n.op_type, ...n.input!, ...attributes].join(' ')}`
  }),
  ...graph!.output!.map((v) => `output ${v.name}`),
]

describe('toOnnx', () => {
  it('means what the graph means, on generated programs', async () => {
    await fc.assert(
      fc.asyncProperty(program, async ({ f, x }) => {
        const [got] = await onOnnxruntime(f, x)
        const want = valuesOf(f(x))
        const scale = Math.max(1, ...Array.from(want, Math.abs))
        expect(got!.length).toBe(want.length)
        got!.forEach((g, i) => {
          if (Number.isNaN(want[i]!)) expect(g).toBeNaN()
          else expect(Math.abs(g - want[i]!)).toBeLessThanOrEqual(1e-5 * scale)
        })
      }),
      { numRuns: 100 },
    )
  })

  it('reads like the function', () => {
    const p = { weight: tensor(Array(36).fill(1), [4, 1, 3, 3]), bias: tensor([0, 0, 0, 0]) }
    const block = ({ x, t }: { x: Tensor; t: Tensor | number }) => ({
      y: silu(groupNorm({ weight: zeros([4]), bias: zeros([4]) }, { groups: 2 })(conv2d(p, { padding: 1 })(x).mul(t))),
    })
    expect(text(modelOf(block, [{ x: zeros([1, 1, 2, 2]), t: 0.5 }]))).toMatchInlineSnapshot(`
      [
        "input 0.x",
        "input 0.t",
        "values: 1 [4,1,3,3]",
        "values_1: 1 [4]",
        "integers: 7 [4]",
        "number: 1 []",
        "integers_1: 7 [1]",
        "integers_2: 7 [3]",
        "ones: 1 [2]",
        "zeros: 1 [2]",
        "integers_3: 7 [4]",
        "integers_4: 7 [3]",
        "Reshape = Reshape values_1 integers",
        "Conv = Conv 0.x values values_1 kernel_shape=3,3 strides=1,1 pads=1,1,1,1 dilations=1,1 group=1",
        "Mul = Mul Conv 0.t",
        "Expand = Expand number integers_1",
        "Reshape_1 = Reshape Mul integers_2",
        "InstanceNormalization = InstanceNormalization Reshape_1 ones zeros epsilon=0.00001",
        "Reshape_2 = Reshape InstanceNormalization integers_3",
        "Reshape_3 = Reshape Expand integers_4",
        "Mul_1 = Mul Reshape_2 Reshape_3",
        "Reshape_4 = Reshape Expand integers_4",
        "Add = Add Mul_1 Reshape_4",
        "Sigmoid = Sigmoid Add",
        "Mul_2 = Mul Add Sigmoid",
        "out.y = Identity Mul_2",
        "output out.y",
      ]
    `)
  })

  it('has integers that wrap, and divide by zero to zero', async () => {
    const x = tensor([0, 1, 7, 2 ** 32 - 1, 2 ** 31], [5], 'u32')
    const y = tensor([0, 2, 0, 3, 2 ** 31], [5], 'u32')
    const f = (a: Tensor, b: Tensor): Tensor[] => [
      a.add(b),
      a.sub(b),
      a.mul(b),
      a.div(b),
      a.square(),
      a.sum(),
      a.prod(),
    ]
    const got = await onOnnxruntime(f, x, y)
    f(x, y).forEach((want, i) => expect([...got[i]!]).toEqual(list(want)))
    const n = tensor([-(2 ** 31), 7, -7], [3], 'i32')
    const by = tensor([-1, -2, 0], [3], 'i32')
    expect([...(await onOnnxruntime((a, b) => a.div(b), n, by))[0]!]).toEqual([-(2 ** 31), -3, 0])
  })

  it('casts between all dtypes', async () => {
    const from = { f32: [-1.5, 0, 2.5, 300], i32: [-7, 0, 1, 70000], u32: [0, 1, 2 ** 32 - 1, 5], bool: [0, 1, 1, 0] }
    const names = ['f32', 'f16', 'bf16', 'i32', 'u32', 'bool'] as const
    for (const [dtype, values] of Object.entries(from)) {
      const x = tensor(values, [4], dtype as keyof typeof from)
      const f = (a: Tensor): Tensor[] => names.map((to) => a.to(to).to(to === 'bf16' ? 'f32' : to))
      const got = await onOnnxruntime(f, x)
      f(x).forEach((want, i) => expect([dtype, names[i], ...got[i]!]).toEqual([dtype, names[i], ...list(want, 'f32')]))
    }
  })

  it('keeps 16-bit weights in 16 bits', async () => {
    const half = fromStorage(Uint16Array.of(0x3c00, 0x3555, 0x7bff, 0x8001), [4], 'f16', 'half')
    const brain = fromStorage(Uint16Array.of(0x3f80, 0x3eaa, 0x4000, 0xbf80), [4], 'bf16', 'brain')
    const f = (x: Tensor): Tensor => x.add(half).add(brain)
    expect(modelOf(f, [zeros([4])]).graph!.initializer!.map((t) => [t.name, t.raw_data!.length])).toEqual([
      ['half', 8],
      ['brain', 8],
    ])
    expect([...(await onOnnxruntime(f, zeros([4])))[0]!]).toEqual(list(f(zeros([4])), 'f32'))
  })

  it('takes every draw of a stream as an input', async () => {
    const f = ({ x, fresh }: { x: Tensor; fresh: Noise }) => ({ x: x.add(fresh.head), fresh: fresh.next.next })
    const state = { x: zeros([3]), fresh: noise(seed(0), [3]) }
    expect(modelOf(f, [state]).graph!.input!.map((v) => v.name)).toEqual(['0.x', '0.fresh.0'])
    expect([...(await onOnnxruntime(f, state))[0]!]).toEqual(list(randn(seed(0), [3])))
  })

  it('gives an argument back, and the same result twice', async () => {
    const [a, b, c] = await onOnnxruntime((x: Tensor) => [x, x.neg(), x.neg()], tensor([1, 2]))
    expect([[...a!], [...b!], [...c!]]).toEqual([
      [1, 2],
      [-1, -2],
      [-1, -2],
    ])
  })

  it('refuses what one file cannot hold', () => {
    const large = fromStorage(new Uint16Array(2 ** 29), [2 ** 29], 'f16')
    const larger = fromStorage(new Uint16Array(2 ** 29), [2 ** 29], 'f16')
    expect(() => toOnnx((x: Tensor) => x.add(large).add(larger), [zeros([1])])).toThrow(/2.13 GB/)
  })
})

describe('models in onnxruntime equal the semantics', () => {
  it('the cats', async () => {
    const model = await orThrow(load(DDPM, fileURLToPath(new URL('../../models/ddpm-emoji-cat-64', import.meta.url))))
    const f = unet2d(model.unet)
    const x = randn(seed(0), [1, 3, 16, 16])
    const [got] = await onOnnxruntime(f, x, 500)
    expect(difference(got!, valuesOf(f(x, 500)))).toBeLessThan(1e-5)
  })

  it('a small conditional UNet', async () => {
    const decoded = decodeConfig(UNet2DConditionModel.config, {
      block_out_channels: [8, 16],
      down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
      up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
      layers_per_block: 1,
      norm_num_groups: 4,
      attention_head_dim: 2,
      cross_attention_dim: 6,
    })
    if (E.isLeft(decoded)) throw decoded.left
    const { config } = decoded.right
    const f = unet2dCondition({ config, params: initialise(UNet2DConditionModel.params(config), seed(1)) })
    const given = {
      sample: randn(seed(2), [2, 4, 8, 12]),
      timestep: 437.5,
      encoderHiddenStates: randn(seed(3), [2, 5, 6]),
    }
    const [got] = await onOnnxruntime(f, given)
    const want = valuesOf(f(given))
    expect(want.length).toBe(size([2, 4, 8, 12]))
    expect(difference(got!, want)).toBeLessThan(1e-5)
  })
})
