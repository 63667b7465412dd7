import { fileURLToPath } from 'node:url'
import { either as E } from 'fp-ts'
import { describe, expect, test } from 'vitest'
import { decodeConfig } from '../../src/core/config.ts'
import { CheckpointError, ConfigError } from '../../src/errors.ts'
import { decodeParams, differences, expectedOf, initialise } from '../../src/params/codec.ts'
import { unet2d, UNet2DModel, type UNet2DConfig } from '../../src/models/unet2d.ts'
import { seed } from '../../src/random/generator.ts'
import { randn } from '../../src/tensor/noise.ts'
import { concat, tensor, zeros, type Tensor } from '../../src/tensor/tensor.ts'
import { trace } from '../../src/tensor/trace.ts'
import { checkModels, onBackend } from '../reference/models.ts'
import { valuesOf } from '../support/host.ts'

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))

const small = {
  block_out_channels: [8, 8],
  down_block_types: ['DownBlock2D', 'AttnDownBlock2D'],
  up_block_types: ['AttnUpBlock2D', 'UpBlock2D'],
  layers_per_block: 1,
  norm_num_groups: 4,
  attention_head_dim: 4,
}
const decoded = (json: object): UNet2DConfig => {
  const result = decodeConfig(UNet2DModel.config, json)
  if (E.isLeft(result)) throw result.left
  return result.right.config
}
const refused = (json: object): ConfigError => {
  const result = decodeConfig(UNet2DModel.config, { ...small, ...json })
  if (E.isRight(result)) throw new Error('decoded')
  return result.left
}
const made = (json: object = {}) => {
  const config = decoded({ ...small, ...json })
  return { config, params: initialise(UNet2DModel.params(config), seed(1)) }
}
const x = randn(seed(2), [2, 3, 4, 6])
const close = (a: Tensor, b: Tensor): void => {
  const [got, want] = [valuesOf(a), valuesOf(b)]
  got.forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 10))
}

describe('against diffusers', () => {
  const failures = (checks: Awaited<ReturnType<typeof checkModels>>): unknown[] => checks.filter((c) => !c.pass)
  const classes = ['UNet2DModel']

  test('every recorded call, in float32', async () => {
    const checks = await checkModels(recordings, { classes })
    expect(checks.length).toBeGreaterThan(13)
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
  const denoise = unet2d(model)

  test('a number, a scalar and a list of one timestep are the same', () => {
    const want = denoise(x, 437.5)
    close(denoise(x, tensor(437.5)), want)
    close(denoise(x, tensor([437.5, 437.5])), want)
  })
  test('samples of a batch do not know each other', () => {
    const both = denoise(x, tensor([10, 700]))
    const apart = [denoise(x.slice(0, 0, 1), 10), denoise(x.slice(0, 1, 2), 700)]
    close(both, concat(apart, 0))
  })
  test('can be traced with the timestep unknown', () => {
    const { graph } = trace((a: Tensor, t: number) => denoise(a, t), [x, 5])
    expect(graph.inputs.map((i) => i.shape)).toEqual([[2, 3, 4, 6], []])
    expect(graph.outputs[0]!.shape).toEqual([2, 3, 4, 6])
  })
  test('a channel too many names the parameter', () => {
    expect(() => denoise(zeros([1, 4, 4, 4]), 1)).toThrow(/\[1, 4, 4, 4\] and \[8, 3, 3, 3\].*conv_in\.weight/)
  })
  test('sizes that cannot be halved, and timesteps for another batch, are ShapeErrors', () => {
    expect(() => denoise(zeros([1, 3, 4, 5]), 1)).toThrow('no multiple of 2')
    expect(() => denoise(x, tensor([1, 2, 3]))).toThrow('one timestep a sample')
  })
  test('labels belong to models of classes', () => {
    expect(() => denoise(x, 1, { classLabels: tensor([0, 1], [2], 'i32') })).toThrow('takes no classLabels')
    expect(() => unet2d(made({ num_class_embeds: 3 }))(x, 1)).toThrow('wants classLabels')
  })
  test('identity labels are added to the embedding of the timestep', () => {
    const same = unet2d({ ...model, config: decoded({ ...small, class_embed_type: 'identity' }) })
    close(same(x, 3, { classLabels: zeros([2, 32]) }), denoise(x, 3))
  })
})

describe('the config', () => {
  test('missing keys get the defaults of diffusers 0.42.1', () => {
    expect(decoded({})).toMatchInlineSnapshot(`
      {
        "act_fn": "silu",
        "add_attention": true,
        "attention_head_dim": 8,
        "attn_norm_num_groups": null,
        "block_out_channels": [
          224,
          448,
          672,
          896,
        ],
        "center_input_sample": false,
        "class_embed_type": null,
        "down_block_types": [
          "DownBlock2D",
          "AttnDownBlock2D",
          "AttnDownBlock2D",
          "AttnDownBlock2D",
        ],
        "downsample_padding": 1,
        "downsample_type": "conv",
        "dropout": 0,
        "flip_sin_to_cos": true,
        "freq_shift": 0,
        "in_channels": 3,
        "layers_per_block": 2,
        "mid_block_scale_factor": 1,
        "mid_block_type": "UNetMidBlock2D",
        "norm_eps": 0.00001,
        "norm_num_groups": 32,
        "num_class_embeds": null,
        "num_train_timesteps": null,
        "out_channels": 3,
        "resnet_time_scale_shift": "default",
        "sample_size": null,
        "time_embedding_dim": null,
        "time_embedding_type": "positional",
        "up_block_types": [
          "AttnUpBlock2D",
          "AttnUpBlock2D",
          "AttnUpBlock2D",
          "UpBlock2D",
        ],
        "upsample_type": "conv",
      }
    `)
  })
  test('a config of 2022: keys unknown to us are named, block names are the present ones', () => {
    const json = { ...small, down_block_types: ['UNetResDownBlock2D', 'UNetResAttnDownBlock2D'], act_fn: 'SiLU' }
    const result = decodeConfig(UNet2DModel.config, { ...json, tensor_format: 'pt', resnet_input_channels: null })
    expect(E.isRight(result) && result.right.unknown).toEqual(['tensor_format', 'resnet_input_channels'])
    expect(E.isRight(result) && result.right.config).toMatchObject({
      down_block_types: small.down_block_types,
      act_fn: 'silu',
    })
  })
  test.each([
    [{ down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D'] }, 'down_block_types.1', /allowed: DownBlock2D, /],
    [{ up_block_types: ['UpDecoderBlock2D', 'UpBlock2D'] }, 'up_block_types.0', /AttnUpBlock2D/],
    [{ act_fn: 'quick_gelu' }, 'act_fn', /allowed: swish, silu, mish, gelu, relu$/],
    [{ mid_block_type: 'UNetMidBlock2DCrossAttn' }, 'mid_block_type', /allowed: UNetMidBlock2D, null/],
    [{ time_embedding_type: 'sinusoidal' }, 'time_embedding_type', /allowed: positional, fourier, learned/],
    [{ class_embed_type: 'projection' }, 'class_embed_type', /allowed: null, timestep, identity/],
    [{ downsample_padding: 2 }, 'downsample_padding', /allowed: 0, 1/],
    [{ resnet_time_scale_shift: 'film' }, 'resnet_time_scale_shift', /allowed: default, scale_shift, ada_group/],
    [
      { resnet_time_scale_shift: 'ada_group' },
      'resnet_time_scale_shift',
      /KDownBlock2D.*allowed: default, scale_shift$/,
    ],
    [{ block_out_channels: [8] }, 'down_block_types', /names 2 blocks for 1/],
    [{ up_block_types: ['UpBlock2D'] }, 'up_block_types', /names 1 blocks for 2/],
    [{ norm_num_groups: 3 }, 'norm_num_groups', /8 channels .* 3 groups/],
    [{ norm_num_groups: null }, 'norm_num_groups', /0 groups/],
    [{ attn_norm_num_groups: 5 }, 'attn_norm_num_groups', /5 groups/],
    [{ attention_head_dim: 16 }, 'attention_head_dim', /more than the 8 channels/],
    [{ time_embedding_type: 'learned' }, 'num_train_timesteps', /no length/],
    [{ down_block_types: ['SkipDownBlock2D', 'DownBlock2D'], in_channels: 1 }, 'in_channels', /allowed: 3/],
    [{ up_block_types: ['SkipUpBlock2D', 'SkipUpBlock2D'], out_channels: 1 }, 'out_channels', /allowed: 3/],
    [{ layers_per_block: [1, 1] }, 'layers_per_block', /a whole number/],
    [{ sample_size: 'big' }, 'sample_size', /\[height, width\]/],
  ])('%j is refused', (json, field, message) => {
    const error = refused(json)
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.field).toBe(field)
    expect(error.message).toMatch(message)
  })
})

describe('the parameters', () => {
  const config = decoded(small)
  const codec = UNet2DModel.params(config)
  const tensors = (): Map<string, Tensor> => new Map([...expectedOf(codec)].map(([k, shape]) => [k, zeros(shape)]))

  test('missing and mis-shaped ones are named as the checkpoint names them, in one report', () => {
    const found = tensors()
    found.delete('mid_block.attentions.0.to_out.0.bias')
    found.set('down_blocks.1.resnets.0.conv1.weight', zeros([8, 4, 3, 3]))
    const result = decodeParams('unet', codec, found)
    expect(E.isLeft(result) && result.left).toBeInstanceOf(CheckpointError)
    expect(E.isLeft(result) && result.left.problems).toEqual([
      'down_blocks.1.resnets.0.conv1.weight: f32[8,4,3,3] in the checkpoint, expected f32[8,8,3,3]',
      'mid_block.attentions.0.to_out.0.bias: missing, expected f32[8]',
    ])
  })
  test('unexpected ones are named', () => {
    const found = tensors().set('down_blocks.0.attentions.0.to_q.weight', zeros([8, 8]))
    expect(differences(codec, found)).toEqual({
      wrong: [],
      unexpected: ['down_blocks.0.attentions.0.to_q.weight: unexpected, f32[8,8]'],
    })
  })
  test('the attention names of 2022 are renamed, others left alone', () => {
    expect(UNet2DModel.rename('mid_block.attentions.0.proj_attn.bias')).toBe('mid_block.attentions.0.to_out.0.bias')
    expect(UNet2DModel.rename('up_blocks.1.attentions.2.query.weight')).toBe('up_blocks.1.attentions.2.to_q.weight')
    expect(UNet2DModel.rename('query.weight')).toBe('query.weight')
    expect(UNet2DModel.rename('conv_in.weight')).toBe('conv_in.weight')
  })
  test('google/ddpm-cat-256 has 113.7 million of them', () => {
    const cat = decoded({
      block_out_channels: [128, 128, 256, 256, 512, 512],
      down_block_types: [...Array<string>(4).fill('DownBlock2D'), 'AttnDownBlock2D', 'DownBlock2D'],
      up_block_types: ['UpBlock2D', 'AttnUpBlock2D', ...Array<string>(4).fill('UpBlock2D')],
      attention_head_dim: null,
    })
    const shapes = [...expectedOf(UNet2DModel.params(cat)).values()]
    expect(shapes.reduce((sum, s) => sum + s.reduce((a, b) => a * b, 1), 0)).toBe(113673219)
  })
})
