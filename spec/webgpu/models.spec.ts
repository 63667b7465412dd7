import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { checkModels, onBackend } from '../reference/models.ts'
import { describeWebgpu } from './started.ts'

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))

describeWebgpu('WebGPU of our own', () => {
  it('gives every recorded call of UNet2DModel', async () => {
    const checks = await checkModels(recordings, { classes: ['UNet2DModel'], run: onBackend('webgpu') })
    expect(checks.length).toBeGreaterThan(13)
    expect(checks.filter((c) => !c.pass)).toEqual([])
  }, 600_000)
})
