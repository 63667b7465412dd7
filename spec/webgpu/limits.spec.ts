import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import type { Operand } from '../../src/backend/backend.ts'
import { webgpu } from '../../src/backend/webgpu/webgpu.ts'
import { seed } from '../../src/random/generator.ts'
import { conv2d, embedding, linear } from '../../src/tensor/nn.ts'
import { randn } from '../../src/tensor/noise.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { trace } from '../../src/tensor/trace.ts'
import { checkModels } from '../reference/models.ts'
import { valuesOf } from '../support/host.ts'
import { describeWebgpu, onOwn } from './started.ts'

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))
const table = randn(seed(1), [301, 40])
const [weight, bias] = [randn(seed(2), [96, 40]), randn(seed(3), [96])]
const kernel = randn(seed(4), [24, 20, 3, 3])
const ids = Int32Array.from({ length: 50 }, (_, i) => (i * 97) % 301)

/** Those of the largest values, and those that read the most at once. */
const cases = ['t5_encoder_relu', 'clip_text_hub_layout', 'autoencoder_kl', 'own_k_cross_f16', 'unet2d_resnet_sampling']

/** Rows of a table, and a product of them. */
const looked = (index: Tensor): Tensor => linear({ weight, bias })(embedding({ weight: table })(index)).gelu()
const filtered = (x: Tensor): Tensor =>
  conv2d({ weight: kernel }, { padding: 1 })(x.add(x.mean(1).reshape(1, 1, 20, 20))).silu()

describeWebgpu('values larger than a device may be given at once', () => {
  it.each([
    ['a binding', { maxStorageBufferBindingSize: 16_384 }],
    ['a buffer', { maxStorageBufferBindingSize: 10_000, maxBufferSize: 40_000 }],
  ])('are read and written window by window: %s', async (_, limits) => {
    const on = await webgpu({ limits })
    const picture = randn(seed(5), [1, 20, 20, 20])
    const operand = (x: Tensor): Operand => ({
      data: Float32Array.from(valuesOf(x, 'f32')),
      shape: x.shape,
      dtype: 'f32',
    })
    const index: Operand = { data: ids, shape: [50], dtype: 'i32' }
    const cases = [
      [looked, tensor(ids, [50], 'i32'), index],
      [filtered, picture, operand(picture)],
    ] as const
    for (const [f, x, input] of cases) {
      const executable = on.prepare(trace(f, [x]).graph)
      const [y] = await executable.run([input])
      const [got, want] = [await y!.read(), valuesOf(f(x))]
      const most = Math.max(...Array.from(want, Math.abs))
      want.forEach((w, i) => expect(Math.abs(got[i]! - w)).toBeLessThan(2e-5 * most))
      y!.dispose()
      executable.dispose()
    }
    on.device().gpu.destroy()
  })

  it('leave recorded models as they are', async () => {
    const on = await webgpu({
      limits: { maxStorageBufferBindingSize: 48 * 1024, maxBufferSize: 144 * 1024, maxStorageBuffersPerShaderStage: 8 },
    })
    const checks = await checkModels(recordings, { cases, run: onOwn(on) })
    expect(checks.length).toBeGreaterThanOrEqual(cases.length)
    expect(checks.filter((c) => !c.pass)).toEqual([])
  }, 600_000)
})
