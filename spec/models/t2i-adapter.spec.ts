import { fileURLToPath } from 'node:url'
import { either as E } from 'fp-ts'
import { describe, expect, test } from 'vitest'
import { decodeConfig } from '../../src/core/config.ts'
import { t2iAdapter, T2IAdapter } from '../../src/models/t2i-adapter.ts'
import { initialise } from '../../src/params/codec.ts'
import { seed } from '../../src/random/generator.ts'
import { zeros } from '../../src/tensor/tensor.ts'
import { checkModels, onBackend } from '../reference/models.ts'

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))

const made = (json: object) => {
  const result = decodeConfig(T2IAdapter.config, json)
  if (E.isLeft(result)) throw result.left
  const { config } = result.right
  return t2iAdapter({ config, params: initialise(T2IAdapter.params(config), seed(1)) })
}

describe('against diffusers', () => {
  const classes = ['T2IAdapter']
  test.each([
    ['in float32', {}],
    ['in float64', { precision: 'f64' }],
    ['compiled for WebAssembly', { run: onBackend('wasm') }],
  ] as const)('every recorded call, %s', async (_, options) => {
    const checks = await checkModels(recordings, { classes, ...options })
    expect(checks).toHaveLength(7)
    expect(checks.filter((c) => !c.pass)).toEqual([])
  })
})

test('a feature a stage, of half the size rounded up', () => {
  const adapt = made({ channels: [4, 8, 8], downscale_factor: 2, num_res_blocks: 1 })
  expect(adapt(zeros([1, 3, 10, 14])).map((x) => x.shape)).toEqual([
    [1, 4, 5, 7],
    [1, 8, 3, 4],
    [1, 8, 2, 2],
  ])
  expect(() => adapt(zeros([1, 3, 9, 14]))).toThrow('no multiple of 2')
})

test.each([
  [{ adapter_type: 'medium_adapter' }, /allowed: full_adapter, full_adapter_xl, light_adapter$/],
  [{ adapter_type: 'full_adapter_xl', channels: [4, 8, 8, 16] }, /channels.*after the third stage/],
  [{ adapter_type: 'light_adapter', channels: [2] }, /channels for a light adapter/],
  [{ channels: [] }, /names no stage/],
])('%j is refused', (json, message) => {
  expect(() => made(json)).toThrow(message)
})
