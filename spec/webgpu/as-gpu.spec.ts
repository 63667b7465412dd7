import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { webgpu } from '../../src/backend/webgpu/webgpu.ts'
import { checkModels } from '../reference/models.ts'
import { describeWebgpu, onOwn } from './started.ts'

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))
const cases = ['unet_cond_sdxl', 'unet2d_f16', 'autoencoder_kl']

// No GPU is at hand: its kernels are slow here, and right.
describeWebgpu('the kernels that a GPU is given first', () => {
  it('leave recorded models as they are', async () => {
    const on = await webgpu({ limits: { adapter: 'gpu', maxStorageBuffersPerShaderStage: 8 } })
    const checks = await checkModels(recordings, { cases, run: onOwn(on) })
    expect(checks.length).toBeGreaterThanOrEqual(cases.length)
    expect(checks.filter((c) => !c.pass)).toEqual([])
    expect(on.device().counts.pipelines).toBeGreaterThan(0)
  }, 600_000)
})
