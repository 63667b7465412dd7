import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { backend } from '../../src/backend/select.ts'
import { agreementOn } from '../backend/agreement.ts'
import { everyRowOn } from '../backend/every-row.ts'
import { checkModels, onBackend } from '../reference/models.ts'
import { softwareAdapter } from '../support/software-adapter.ts'

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))
const missing = softwareAdapter()

describe.skipIf(missing !== undefined)(
  `WebGPU on a software adapter${missing === undefined ? '' : `: ${missing}`}`,
  () => {
    it('says which adapter it is', async () => {
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
  },
)
