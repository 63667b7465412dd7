import { fileURLToPath } from 'node:url'
import { either as E } from 'fp-ts'
import { describe, expect, test } from 'vitest'
import { decodeConfig } from '../../src/core/config.ts'
import { controlNet, ControlNetModel } from '../../src/models/controlnet.ts'
import { unet2dCondition, UNet2DConditionModel } from '../../src/models/unet2d-condition.ts'
import { initialise } from '../../src/params/codec.ts'
import { seed } from '../../src/random/generator.ts'
import { randn } from '../../src/tensor/noise.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { checkModels, onBackend } from '../reference/models.ts'
import { valuesOf } from '../support/host.ts'

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))

const shared = {
  block_out_channels: [4, 8],
  down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
  layers_per_block: 1,
  norm_num_groups: 2,
  attention_head_dim: 2,
  cross_attention_dim: 6,
}
const made = (json: object = {}) => {
  const result = decodeConfig(ControlNetModel.config, {
    ...shared,
    conditioning_embedding_out_channels: [4, 6],
    ...json,
  })
  if (E.isLeft(result)) throw result.left
  const { config } = result.right
  return { config, params: initialise(ControlNetModel.params(config), seed(1)) }
}
const inputs = {
  sample: randn(seed(2), [1, 4, 4, 6]),
  timestep: 31,
  encoderHiddenStates: randn(seed(3), [1, 5, 6]),
  controlnetCond: randn(seed(4), [1, 3, 8, 12]),
}
const close = (a: Tensor, b: Tensor): void => {
  const [got, want] = [valuesOf(a), valuesOf(b)]
  got.forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 10))
}

describe('against diffusers', () => {
  const classes = ['ControlNetModel']
  test.each([
    ['in float32', {}],
    ['in float64', { precision: 'f64' }],
    ['compiled for WebAssembly', { run: onBackend('wasm') }],
  ] as const)('every recorded call, %s', async (_, options) => {
    const checks = await checkModels(recordings, { classes, ...options })
    expect(checks).toHaveLength(10)
    expect(checks.filter((c) => !c.pass)).toEqual([])
  })
})

describe('the function', () => {
  const follow = controlNet(made())
  const { down, mid } = follow(inputs)

  test('gives what a UNet of the same blocks takes', () => {
    const result = decodeConfig(UNet2DConditionModel.config, {
      ...shared,
      up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
    })
    if (E.isLeft(result)) throw result.left
    const { config } = result.right
    const denoise = unet2dCondition({ config, params: initialise(UNet2DConditionModel.params(config), seed(5)) })
    expect(denoise({ ...inputs, control: { down, mid } }).shape).toEqual([1, 4, 4, 6])
  })
  test('is linear in its scale, which may be a tensor', () => {
    const half = follow({ ...inputs, conditioningScale: 0.5 })
    close(half.mid.mul(2), mid)
    close(follow({ ...inputs, conditioningScale: tensor(0.5) }).down[2]!, half.down[2]!)
  })
  test('guess mode goes from a tenth to all of it', () => {
    const guessed = follow({ ...inputs, guessMode: true })
    close(guessed.down[0]!.mul(10), down[0]!)
    close(guessed.mid, mid)
  })
  test('a model of bgr pictures sees the channels in reverse', () => {
    const reversed = controlNet(made({ controlnet_conditioning_channel_order: 'bgr' }))
    close(reversed({ ...inputs, controlnetCond: inputs.controlnetCond.flip(1) }).mid, mid)
  })
})

test.each([
  [{ controlnet_conditioning_channel_order: 'gbr' }, /allowed: rgb, bgr$/],
  [{ down_block_types: ['KDownBlock2D', 'DownBlock2D'] }, /down_block_types.0.*allowed: CrossAttnDownBlock2D/],
  [{ conditioning_embedding_out_channels: [] }, /names no channels/],
  [{ mid_block_type: null }, /allowed: UNetMidBlock2DCrossAttn, UNetMidBlock2D$/],
  [{ norm_num_groups: 3 }, /4 channels .* 3 groups/],
])('%j is refused', (json, message) => {
  expect(() => made(json)).toThrow(message)
})
