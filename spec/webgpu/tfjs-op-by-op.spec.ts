import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { backend } from '../../src/backend/select.ts'
import { agreementOn } from '../backend/agreement.ts'
import { everyRowOn } from '../backend/every-row.ts'
import { checkModels, onBackend } from '../reference/models.ts'
import { describeWebgpu } from './started.ts'

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))

describeWebgpu('TensorFlow.js on WebGPU', () => {
  it('says which adapter it is on', async () => {
    expect((await backend('tfjs-webgpu')).description).toMatch(
      process.env['DIFFOLD_ADAPTER'] === 'system' ? /WebGPU/ : /swiftshader/,
    )
  })
  everyRowOn('tfjs-webgpu')
  agreementOn('tfjs-webgpu', 40)
  it('gives every recorded call of UNet2DModel', async () => {
    const checks = await checkModels(recordings, { classes: ['UNet2DModel'], run: onBackend('tfjs-webgpu') })
    expect(checks.length).toBeGreaterThan(13)
    expect(checks.filter((c) => !c.pass)).toEqual([])
  })
})
