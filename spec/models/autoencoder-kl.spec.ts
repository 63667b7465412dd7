import { fileURLToPath } from 'node:url'
import { either as E } from 'fp-ts'
import { describe, expect, test } from 'vitest'
import { compile } from '../../src/backend/compile.ts'
import { decodeConfig } from '../../src/core/config.ts'
import { ConfigError } from '../../src/errors.ts'
import { autoencoderKL, AutoencoderKL } from '../../src/models/autoencoder-kl.ts'
import { autoencoderTiny, AutoencoderTiny } from '../../src/models/autoencoder-tiny.ts'
import { vqModel, VQModel } from '../../src/models/vq-model.ts'
import type { Architecture } from '../../src/params/architecture.ts'
import { expectedOf, initialise } from '../../src/params/codec.ts'
import { seed } from '../../src/random/generator.ts'
import { randn } from '../../src/tensor/noise.ts'
import { fromStorage, tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { loadModel } from '../reference/load-model.ts'
import { checkModels, onBackend } from '../reference/models.ts'
import { largest } from '../reference/result.ts'
import { readRecording } from '../reference/safetensors.ts'
import { valuesOf } from '../support/host.ts'

const data = fileURLToPath(new URL('../reference/data', import.meta.url))

const made = <C, P>(a: Architecture<C, P>, json: object) => {
  const result = decodeConfig(a.config, json)
  if (E.isLeft(result)) throw result.left
  return { config: result.right.config, params: initialise(a.params(result.right.config), seed(1)) }
}

describe('against diffusers', () => {
  const classes = ['AutoencoderKL', 'AutoencoderTiny', 'VQModel']
  const failures = (checks: Awaited<ReturnType<typeof checkModels>>): unknown[] => checks.filter((c) => !c.pass)

  test('every recorded call, in float32', async () => {
    const checks = await checkModels(`${data}/models`, { classes })
    expect(checks.length).toBeGreaterThan(30)
    expect(failures(checks)).toEqual([])
  })
  test('every recorded call, in float64', async () => {
    expect(failures(await checkModels(`${data}/models`, { classes, precision: 'f64' }))).toEqual([])
  })
  test('every recorded call, compiled for WebAssembly', async () => {
    expect(failures(await checkModels(`${data}/models`, { classes, run: onBackend('wasm') }))).toEqual([])
  })
  test('in tiles', async () => {
    const model = await loadModel(AutoencoderKL, `${data}/tiling`)
    const recorded = await readRecording(`${data}/tiling/io.safetensors`)
    const of = (key: string): Tensor =>
      fromStorage(Float32Array.from(recorded.get(key)!.values), recorded.get(key)!.shape, 'f32')
    const error = (got: Tensor, key: string): number => largest(valuesOf(got), recorded.get(key)!.values)
    for (const slicing of [false, true])
      for (const [tiling, suffix] of [
        [true, ''],
        [{ sample: 12, latent: 6, overlap: 0.5 }, '_12'],
      ] as const) {
        const { encode, decode } = autoencoderKL(model, { tiling, slicing })
        expect(error(encode(of('x')).mean, `latents${suffix}`)).toBeLessThan(1e-5)
        expect(error(decode(of('latents')), `picture${suffix}`)).toBeLessThan(1e-5)
      }
  })
})

const small = {
  block_out_channels: [4, 4],
  down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'],
  up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
  norm_num_groups: 2,
}

describe('AutoencoderKL', () => {
  const model = made(AutoencoderKL, small)
  const { encode, decode } = autoencoderKL(model)
  const x = randn(seed(2), [2, 3, 8, 6])

  test('latents are a distribution: its moments, a draw, and its divergences', () => {
    const p = encode(x)
    expect(p.mode()).toBe(p.mean)
    expect(valuesOf(p.kl(p)).every((d) => Math.abs(d) < 1e-5)).toBe(true)
    expect(valuesOf(p.kl()).every((d) => d > 0)).toBe(true)
    const at = valuesOf(p.nll(p.mean))
    expect(valuesOf(p.nll(p.sample(randn(seed(3), [2, 4, 4, 3])))).every((d, i) => d > at[i]!)).toBe(true)
  })
  test('a picture of one tile is not cut, slices are the whole', () => {
    const z = encode(x).mean
    expect(valuesOf(autoencoderKL(model, { tiling: true, slicing: true }).decode(z))).toEqual(valuesOf(decode(z)))
  })
  test('tiles without a remainder beside their overlap are refused', () => {
    const all = autoencoderKL(model, { tiling: { sample: 4, overlap: 1 } })
    expect(() => all.encode(x)).toThrow(ConfigError)
  })
  test('can be compiled', async () => {
    const picture = compile(decode, { backend: 'wasm' })(encode(x).mean)
    expect(picture.shape).toEqual([2, 3, 8, 6])
  })
  test('Stable Diffusion has 83.7 million parameters', () => {
    const config = made(AutoencoderKL, small).config
    const four = <A>(value: A): readonly A[] => [value, value, value, value]
    const sd = {
      ...config,
      block_out_channels: [128, 256, 512, 512],
      layers_per_block: 2,
      norm_num_groups: 32,
      down_block_types: four('DownEncoderBlock2D' as const),
      up_block_types: four('UpDecoderBlock2D' as const),
    }
    const shapes = [...expectedOf(AutoencoderKL.params(sd)).values()]
    expect(shapes.reduce((sum, s) => sum + s.reduce((a, b) => a * b, 1), 0)).toBe(83653863)
  })
  test('the attention names of 2022 are renamed', () => {
    const name = 'decoder.mid_block.attentions.0.'
    expect(AutoencoderKL.rename(`${name}query.weight`)).toBe(`${name}to_q.weight`)
    expect(AutoencoderKL.rename(`${name}proj_attn.bias`)).toBe(`${name}to_out.0.bias`)
  })
  test.each([
    [{ down_block_types: ['DownBlock2D', 'DownEncoderBlock2D'] }, 'down_block_types.0', /AttnDownEncoderBlock2D/],
    [{ up_block_types: ['UpDecoderBlock2D'] }, 'up_block_types', /names 1 blocks for 2/],
    [{ norm_num_groups: 3 }, 'norm_num_groups', /do not divide/],
    [{ act_fn: 'tanh' }, 'act_fn', /allowed: swish, silu/],
    [{ sample_size: [8, 8] }, 'sample_size', /a whole number/],
    [{ layers_per_block: 0 }, 'layers_per_block', /from 1/],
  ])('%j is refused', (json, field, message) => {
    const result = decodeConfig(AutoencoderKL.config, { ...small, ...json })
    expect(E.isLeft(result) && [result.left.field, result.left.message]).toEqual([
      field,
      expect.stringMatching(message),
    ])
  })
})

describe('AutoencoderTiny', () => {
  const wide = { encoder_block_out_channels: [4, 4], decoder_block_out_channels: [4, 4] }
  const blocks = { num_encoder_blocks: [1, 1], num_decoder_blocks: [1, 1] }
  const { scaleLatents, unscaleLatents } = autoencoderTiny(made(AutoencoderTiny, { ...wide, ...blocks }))

  test('latents as shares of their range come back, unless they leave it', () => {
    const z = tensor([-4, -3, 0, 1.5, 3])
    expect([...valuesOf(scaleLatents(z))]).toEqual([0, 0, 0.5, 0.75, 1])
    expect([...valuesOf(unscaleLatents(scaleLatents(z)))]).toEqual([-3, -3, 0, 1.5, 3])
  })
  test.each([
    [{ ...wide }, 'num_encoder_blocks', /names 4 levels for 2/],
    [{ ...blocks, ...wide, decoder_block_out_channels: [4, 8] }, 'decoder_block_out_channels', /no layer changes/],
    [{ upsample_fn: 'bilinear' }, 'upsample_fn', /allowed: nearest/],
  ])('%j is refused', (json, field, message) => {
    const result = decodeConfig(AutoencoderTiny.config, json)
    expect(E.isLeft(result) && [result.left.field, result.left.message]).toEqual([
      field,
      expect.stringMatching(message),
    ])
  })
})

describe('VQModel', () => {
  const model = made(VQModel, { ...small, num_vq_embeddings: 5 })
  const { quantize, lookUp, decode } = vqModel(model)
  const z = randn(seed(4), [2, 3, 2, 3])

  test('a vector of the codebook is its own nearest one', () => {
    const { quantized, indices } = quantize(z)
    expect(valuesOf(lookUp(indices))).toEqual(valuesOf(quantized))
    expect(valuesOf(quantize(quantized).indices)).toEqual(valuesOf(indices))
    expect(valuesOf(quantize(quantized).commitLoss)[0]).toBe(0)
    expect(valuesOf(decode(quantized, { quantized: true }))).toEqual(valuesOf(decode(z)))
  })
  test('spatial norms are refused', () => {
    const result = decodeConfig(VQModel.config, { ...small, norm_type: 'spatial' })
    expect(E.isLeft(result) && result.left.message).toMatch(/norm_type: "spatial".*allowed: group/)
  })
})
