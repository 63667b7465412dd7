import { fileURLToPath } from 'node:url'
import { either as E } from 'fp-ts'
import { describe, expect, test } from 'vitest'
import { decodeConfig } from '../../src/core/config.ts'
import { ConfigError } from '../../src/errors.ts'
import { expectedOf, initialise } from '../../src/params/codec.ts'
import { unet2dCondition, UNet2DConditionModel, type UNet2DConditionConfig } from '../../src/models/unet2d-condition.ts'
import { seed } from '../../src/random/generator.ts'
import { randn } from '../../src/tensor/noise.ts'
import { concat, ones, tensor, zeros, type Tensor } from '../../src/tensor/tensor.ts'
import { trace } from '../../src/tensor/trace.ts'
import { checkModels, onBackend } from '../reference/models.ts'
import { valuesOf } from '../support/host.ts'

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))

const small = {
  block_out_channels: [4, 8],
  down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
  layers_per_block: 1,
  norm_num_groups: 2,
  attention_head_dim: 2,
  cross_attention_dim: 6,
}
const simple = {
  ...small,
  down_block_types: ['DownBlock2D', 'SimpleCrossAttnDownBlock2D'],
  up_block_types: ['SimpleCrossAttnUpBlock2D', 'UpBlock2D'],
}
const decoded = (json: object): UNet2DConditionConfig => {
  const result = decodeConfig(UNet2DConditionModel.config, json)
  if (E.isLeft(result)) throw result.left
  return result.right.config
}
const refused = (json: object): ConfigError => {
  const result = decodeConfig(UNet2DConditionModel.config, { ...small, ...json })
  if (E.isRight(result)) throw new Error('decoded')
  return result.left
}
const made = (json: object = {}) => {
  const config = decoded({ ...small, ...json })
  return { config, params: initialise(UNet2DConditionModel.params(config), seed(1)) }
}
const close = (a: Tensor, b: Tensor): void => {
  const [got, want] = [valuesOf(a), valuesOf(b)]
  got.forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 10))
}
const differ = (a: Tensor, b: Tensor): void =>
  expect(Math.max(...valuesOf(a.sub(b)).map((v) => Math.abs(v)))).toBeGreaterThan(1e-3)

const sample = randn(seed(2), [2, 4, 4, 6])
const encoderHiddenStates = randn(seed(3), [2, 5, 6])
const inputs = { sample, timestep: 437.5, encoderHiddenStates }

describe('against diffusers', () => {
  const failures = (checks: Awaited<ReturnType<typeof checkModels>>): unknown[] => checks.filter((c) => !c.pass)
  const classes = ['UNet2DConditionModel']

  test('every recorded call, in float32', async () => {
    const checks = await checkModels(recordings, { classes })
    expect(checks.length).toBeGreaterThan(8)
    expect(failures(checks)).toEqual([])
  })
  test('every recorded call, in float64', async () => {
    expect(failures(await checkModels(recordings, { classes, precision: 'f64' }))).toEqual([])
  })
  test('every recorded call, compiled for WebAssembly', async () => {
    expect(failures(await checkModels(recordings, { classes, run: onBackend('wasm') }))).toEqual([])
  })
})

describe('the function', () => {
  const model = made()
  const denoise = unet2dCondition(model)
  const want = denoise(inputs)

  test('samples of a batch do not know each other', () => {
    const both = denoise({ ...inputs, timestep: tensor([10, 700]) })
    const alone = (i: number, timestep: number): Tensor =>
      denoise({
        sample: sample.slice(0, i, i + 1),
        timestep,
        encoderHiddenStates: encoderHiddenStates.slice(0, i, i + 1),
      })
    close(both, concat([alone(0, 10), alone(1, 700)], 0))
  })
  test('can be traced with the timestep unknown', () => {
    const { graph } = trace((timestep: number) => denoise({ ...inputs, timestep }), [5])
    expect(graph.inputs.map((i) => i.shape)).toEqual([[]])
    expect(graph.outputs[0]!.shape).toEqual([2, 4, 4, 6])
  })
  test('odd sizes come back as they were', () => {
    expect(denoise({ ...inputs, sample: zeros([2, 4, 5, 7]) }).shape).toEqual([2, 4, 5, 7])
  })
  test('states that a mask leaves out might as well not be there', () => {
    const mask = tensor([1, 1, 1, 0, 0, 1, 1, 1, 0, 0], [2, 5])
    const kept = encoderHiddenStates.slice(1, 0, 3)
    close(denoise({ ...inputs, encoderAttentionMask: mask }), denoise({ ...inputs, encoderHiddenStates: kept }))
    close(denoise({ ...inputs, encoderAttentionMask: ones([2, 5], 'bool') }), want)
  })
  test('a linear projection is a 1 × 1 convolution', () => {
    const linear = unet2dCondition({ ...model, config: decoded({ ...small, use_linear_projection: true }) })
    close(linear(inputs), want)
  })
  test('control and adapters of zeros change nothing, others do', () => {
    const shapes = [
      [2, 4, 4, 6],
      [2, 4, 4, 6],
      [2, 4, 2, 3],
      [2, 8, 2, 3],
    ]
    const control = (make: (shape: number[]) => Tensor) => ({ down: shapes.map(make), mid: make([2, 8, 2, 3]) })
    const features = [
      [2, 4, 4, 6],
      [2, 8, 2, 3],
      [2, 8, 2, 3],
    ]
    close(denoise({ ...inputs, control: control((s) => zeros(s)), adapter: features.map((s) => zeros(s)) }), want)
    differ(denoise({ ...inputs, control: control((s) => ones(s)) }), want)
    differ(denoise({ ...inputs, adapter: features.map((s) => ones(s)) }), want)
    expect(() => denoise({ ...inputs, control: { down: [], mid: zeros([2, 8, 2, 3]) } })).toThrow('0 tensors for 4')
  })
  test('grounded objects that are not there leave their phrases unread', () => {
    const gated = unet2dCondition(made({ attention_type: 'gated' }))
    const boxes = tensor([0.1, 0.2, 0.6, 0.7, 0, 0, 1, 1], [2, 1, 4])
    const told = (phrases: Tensor, masks: Tensor): Tensor => gated({ ...inputs, gligen: { boxes, masks, phrases } })
    close(told(zeros([2, 1, 6]), zeros([2, 1])), told(ones([2, 1, 6]), zeros([2, 1])))
    differ(told(zeros([2, 1, 6]), ones([2, 1])), told(ones([2, 1, 6]), ones([2, 1])))
    expect(() => gated({ ...inputs, gligen: { boxes, masks: ones([2, 1]) } })).toThrow('gated take phrases')
    expect(() => denoise({ ...inputs, gligen: { boxes, masks: ones([2, 1]) } })).toThrow('takes no gligen')
  })
  test('inputs belong to models that take them', () => {
    expect(() => denoise({ ...inputs, classLabels: tensor([0, 1], [2], 'i32') })).toThrow('takes no classLabels')
    expect(() => unet2dCondition(made({ num_class_embeds: 3 }))(inputs)).toThrow('wants classLabels')
    expect(() => denoise({ ...inputs, timestepCond: zeros([2, 4]) })).toThrow('time_cond_proj_dim')
    const sized = {
      addition_embed_type: 'text_time',
      addition_time_embed_dim: 4,
      projection_class_embeddings_input_dim: 30,
    }
    expect(() => unet2dCondition(made(sized))(inputs)).toThrow('wants added.textEmbeds')
    const pictured = { encoder_hid_dim: 5, encoder_hid_dim_type: 'image_proj' }
    expect(() => unet2dCondition(made(pictured))(inputs)).toThrow('wants added.imageEmbeds')
    const adapter = [zeros([2, 4, 2, 3]), zeros([2, 8, 2, 3])]
    expect(() => unet2dCondition(made(simple))({ ...inputs, adapter })).toThrow('take no adapter')
    expect(() => denoise({ sample, timestep: 1 })).toThrow('wants encoderHiddenStates')
    expect(() => denoise({ ...inputs, timestep: tensor([1, 2, 3]) })).toThrow('one timestep a sample')
  })
})

describe('the config', () => {
  test('SD 1.5 has 859.5 million parameters, SDXL 2567.5 million, as published', () => {
    const count = (json: object): number =>
      [...expectedOf(UNet2DConditionModel.params(decoded(json))).values()]
        .map((s) => s.reduce((a, b) => a * b, 1))
        .reduce((a, b) => a + b, 0)
    expect(count({ cross_attention_dim: 768 })).toBe(859520964)
    const sdxl = {
      block_out_channels: [320, 640, 1280],
      down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'],
      up_block_types: ['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'],
      transformer_layers_per_block: [1, 2, 10],
      attention_head_dim: [5, 10, 20],
      cross_attention_dim: 2048,
      use_linear_projection: true,
      addition_embed_type: 'text_time',
      addition_time_embed_dim: 256,
      projection_class_embeddings_input_dim: 2816,
    }
    expect(count(sdxl)).toBe(2567463684)
  })
  test('keys unknown to us are named and kept', () => {
    const result = decodeConfig(UNet2DConditionModel.config, { ...small, freeu: 1 })
    expect(E.isRight(result) && result.right.unknown).toEqual(['freeu'])
  })
  test.each([
    [
      { down_block_types: ['DownBlock2D', 'SkipDownBlock2D'] },
      'down_block_types.1',
      /allowed: DownBlock2D, .*CrossAttn/,
    ],
    [{ mid_block_type: 'UNetMidBlock3D' }, 'mid_block_type', /UNetMidBlock2DSimpleCrossAttn, UNetMidBlock2D, null$/],
    [{ num_attention_heads: 8 }, 'num_attention_heads', /allowed: null$/],
    [{ time_embedding_type: 'learned' }, 'time_embedding_type', /allowed: positional, fourier$/],
    [{ attention_type: 'sparse' }, 'attention_type', /allowed: default, gated, gated-text-image$/],
    [{ class_embed_type: 'table' }, 'class_embed_type', /simple_projection$/],
    [{ class_embed_type: 'projection' }, 'class_embed_type', /wants projection_class_embeddings_input_dim$/],
    [{ addition_embed_type: 'text_time' }, 'addition_embed_type', /wants projection_class_embeddings_input_dim/],
    [{ addition_embed_type: 'image' }, 'addition_embed_type', /wants encoder_hid_dim/],
    [{ encoder_hid_dim_type: 'text_proj' }, 'encoder_hid_dim_type', /wants encoder_hid_dim$/],
    [{ encoder_hid_dim_type: 'ip_image_proj' }, 'encoder_hid_dim_type', /allowed: null, text_proj/],
    [{ encoder_hid_dim: 5, cross_attention_dim: [6, 8] }, 'cross_attention_dim', /one text/],
    [{ class_embeddings_concat: true }, 'class_embeddings_concat', /wants a class_embed_type/],
    [{ up_block_types: ['UpBlock2D'] }, 'up_block_types', /names 1 blocks for 2/],
    [{ attention_head_dim: [2] }, 'attention_head_dim', /names 1 blocks for 2/],
    [{ attention_head_dim: [2, 0] }, 'attention_head_dim.1', /a whole number from 1/],
    [{ attention_head_dim: 5 }, 'attention_head_dim', /more than the 4 channels/],
    [{ norm_num_groups: 3 }, 'norm_num_groups', /4 channels .* 3 groups/],
    [{ norm_num_groups: null }, 'norm_num_groups', /0 groups/],
    [{ transformer_layers_per_block: [[1], [1]] }, 'transformer_layers_per_block', /reverse_transformer_layers/],
    [
      { transformer_layers_per_block: [[1], [1]], reverse_transformer_layers_per_block: [1, [1]] },
      'transformer_layers_per_block',
      /shorter than the layers/,
    ],
    [{ ...simple, attention_head_dim: 3 }, 'attention_head_dim', /divide the 8 channels/],
    [{ ...simple, cross_attention_norm: 'layer_norm' }, 'cross_attention_norm', /is not that of a block's 8 channels/],
    [{ ...simple, cross_attention_norm: 'group_norm' }, 'cross_attention_norm', /no multiple of 32/],
    [{ addition_embed_type: 'text' }, 'addition_embed_type_num_heads', /divide the 6 features/],
    [{ time_embedding_type: 'fourier', time_embedding_dim: 5 }, 'time_embedding_dim', /odd/],
    [{ resnet_time_scale_shift: 'ada_group' }, 'resnet_time_scale_shift', /allowed: default, scale_shift$/],
  ])('%j is refused', (json, field, message) => {
    const error = refused(json)
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.field).toBe(field)
    expect(error.message).toMatch(message)
  })
})
