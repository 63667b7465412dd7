import { fileURLToPath } from 'node:url'
import { either as E } from 'fp-ts'
import { describe, expect, test } from 'vitest'
import { decodeConfig } from '../../src/core/config.ts'
import { ShapeError } from '../../src/errors.ts'
import { clipFinalNorm, clipText, CLIPTextModel, CLIPTextModelWithProjection } from '../../src/models/clip-text.ts'
import { clipVision, CLIPVisionModelWithProjection } from '../../src/models/clip-vision.ts'
import { t5Encoder, T5EncoderModel } from '../../src/models/t5-encoder.ts'
import type { Architecture } from '../../src/params/architecture.ts'
import { expectedOf, initialise } from '../../src/params/codec.ts'
import { seed } from '../../src/random/generator.ts'
import { tensor, zeros } from '../../src/tensor/tensor.ts'
import { checkModels, onBackend } from '../reference/models.ts'
import { valuesOf } from '../support/host.ts'

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))

const made = <C, P>(a: Architecture<C, P>, json: object) => {
  const result = decodeConfig(a.config, json)
  if (E.isLeft(result)) throw result.left
  return { config: result.right.config, params: initialise(a.params(result.right.config), seed(1)) }
}
const refusal = <C, P>(a: Architecture<C, P>, json: object): unknown => {
  const result = decodeConfig(a.config, json)
  return E.isLeft(result) && `${result.left.message}`
}

describe('against transformers', () => {
  const classes = [
    'CLIPTextModel',
    'CLIPTextModelWithProjection',
    'CLIPVisionModelWithProjection',
    'T5EncoderModel',
  ] as const
  const failures = (checks: Awaited<ReturnType<typeof checkModels>>): unknown[] => checks.filter((c) => !c.pass)

  test('every recorded call, in float32', async () => {
    const checks = await checkModels(recordings, { classes })
    expect(checks.length).toBeGreaterThan(50)
    expect(failures(checks)).toEqual([])
  })
  test('every recorded call, in float64', async () => {
    expect(failures(await checkModels(recordings, { classes, precision: 'f64' }))).toEqual([])
  })
  test('every recorded call, compiled for WebAssembly', async () => {
    expect(failures(await checkModels(recordings, { classes, run: onBackend('wasm') }))).toEqual([])
  })
})

const tiny = { vocab_size: 12, hidden_size: 6, intermediate_size: 8, num_hidden_layers: 2, num_attention_heads: 2 }
const ids = tensor([1, 5, 9, 9, 1, 2, 3, 9], [2, 4], 'i32')

describe('CLIP of text', () => {
  const model = made(CLIPTextModel, { ...tiny, max_position_embeddings: 5, eos_token_id: 9 })
  const encode = clipText(model)

  test('no token sees those after it', () => {
    const [whole, start] = [encode(ids), encode(ids.slice(1, 0, 2))]
    const first = valuesOf(whole.lastHiddenState.slice(1, 0, 2))
    valuesOf(start.lastHiddenState).forEach((v, i) => expect(v).toBeCloseTo(first[i]!, 5))
  })
  test('the text is pooled at its first end, or of old configs at its largest id', () => {
    const { lastHiddenState, pooled } = encode(ids)
    expect(valuesOf(pooled.slice(0, 0, 1))).toEqual(valuesOf(lastHiddenState.slice(0, 0, 1).slice(1, 2, 3)))
    const old = clipText({ ...model, config: { ...model.config, eos_token_id: 2 } })(ids)
    expect(valuesOf(old.pooled)).toEqual(valuesOf(pooled))
    const none = clipText({ ...model, config: { ...model.config, eos_token_id: 7 } })(ids)
    expect(valuesOf(none.pooled)).toEqual(valuesOf(lastHiddenState.slice(1, 0, 1)))
  })
  test('the last hidden state is the normed output of the last layer', () => {
    const { lastHiddenState, hiddenStates, textEmbeds } = encode(ids)
    expect(valuesOf(clipFinalNorm(model)(hiddenStates.at(-1)!))).toEqual(valuesOf(lastHiddenState))
    expect([hiddenStates.length, textEmbeds]).toEqual([3, undefined])
  })
  test('a mask of ones is none', () => {
    const masked = encode(ids, { mask: tensor([1, 1, 1, 1, 1, 1, 1, 1], [2, 4], 'i32') })
    expect(valuesOf(masked.lastHiddenState)).toEqual(valuesOf(encode(ids).lastHiddenState))
  })
  test('texts too long, and masks of other shapes, are ShapeErrors', () => {
    expect(() => encode(zeros([1, 6], 'i32'))).toThrow('more than 5 tokens')
    expect(() => encode(zeros([4], 'i32'))).toThrow(ShapeError)
    expect(() => encode(ids, { mask: zeros([2, 3], 'i32') })).toThrow('not a mask of the tokens')
  })
  test('both layouts of a checkpoint have the same names', () => {
    const name = 'text_model.encoder.layers.0.mlp.fc1.weight'
    expect(CLIPTextModel.rename('encoder.layers.0.mlp.fc1.weight')).toBe(name)
    expect(CLIPTextModel.rename(name)).toBe(name)
    expect(CLIPTextModelWithProjection.rename('text_projection.weight')).toBe('text_projection.weight')
  })
  test('the encoder of Stable Diffusion has 123.1 million parameters', () => {
    const json = { hidden_size: 768, intermediate_size: 3072, num_attention_heads: 12 }
    const config = decodeConfig(CLIPTextModel.config, json)
    const shapes = E.isRight(config) ? [...expectedOf(CLIPTextModel.params(config.right.config)).values()] : []
    expect(shapes.reduce((sum, s) => sum + s.reduce((a, b) => a * b, 1), 0)).toBe(123060480)
  })
  test('what is not supported is refused by name, what says nothing is not noted', () => {
    expect(refusal(CLIPTextModel, { hidden_act: 'tanh' })).toMatch(/hidden_act: "tanh".*allowed: quick_gelu, gelu,/)
    expect(refusal(CLIPTextModel, { num_attention_heads: 7 })).toMatch(/num_attention_heads: 7 does not divide/)
    const result = decodeConfig(CLIPTextModel.config, { architectures: ['CLIPTextModel'], attention_dropout: 0, x: 1 })
    expect(E.isRight(result) && result.right.unknown).toEqual(['x'])
  })
})

describe('CLIP of pictures', () => {
  const config = { ...tiny, image_size: 9, patch_size: 4, projection_dim: 3 }
  const encode = clipVision(made(CLIPVisionModelWithProjection, config))

  test('a picture is its patches and a class token', () => {
    const { lastHiddenState, pooled, imageEmbeds } = encode(zeros([2, 3, 9, 9]))
    expect([lastHiddenState.shape, pooled.shape, imageEmbeds.shape]).toEqual([
      [2, 5, 6],
      [2, 6],
      [2, 3],
    ])
  })
  test('of another size is a ShapeError, and patches larger than the picture are refused', () => {
    expect(() => encode(zeros([2, 3, 8, 9]))).toThrow('is not [N, 3, 9, 9]')
    expect(refusal(CLIPVisionModelWithProjection, { image_size: 8 })).toMatch(/patch_size: 32 is more than the 8/)
  })
})

describe('T5', () => {
  const config = { vocab_size: 12, d_model: 6, d_kv: 3, d_ff: 8, num_layers: 2, num_heads: 2 }
  const encode = t5Encoder(made(T5EncoderModel, config))

  test('padding that is masked is not seen', () => {
    const short = encode(ids.slice(1, 0, 3)).lastHiddenState
    const mask = tensor([1, 1, 1, 0, 1, 1, 1, 0], [2, 4], 'i32')
    const long = valuesOf(encode(ids, { mask }).lastHiddenState.slice(1, 0, 3))
    valuesOf(short).forEach((v, i) => expect(v).toBeCloseTo(long[i]!, 5))
  })
  test('the embedding has two names', () => {
    expect(T5EncoderModel.rename('encoder.embed_tokens.weight')).toBe('shared.weight')
  })
  test.each([
    [{ feed_forward_proj: 'gated-tanh' }, /feed_forward_proj.*allowed: relu, gelu/],
    [{ feed_forward_proj: 'gated-gelu', dense_act_fn: 'relu' }, /dense_act_fn.*contradicts.*allowed: gelu_new/],
    [{ is_gated_act: true }, /is_gated_act.*contradicts the relu/],
    [{ relative_attention_max_distance: 8 }, /not beyond the 8 distances/],
  ])('%j is refused', (json, message) => {
    expect(refusal(T5EncoderModel, json)).toMatch(message)
  })
})
