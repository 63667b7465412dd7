import { agreementOn } from '../backend/agreement.ts'
import { everyRowOn } from '../backend/every-row.ts'
import { expect, it } from 'vitest'
import { describeWebgpu, started } from './started.ts'

describeWebgpu('WebGPU on a software adapter', () => {
  it('says which adapter it is', async () => {
    expect((await started()).description).toMatch(
      process.env['DIFFOLD_ADAPTER'] === 'system' ? /^WebGPU: / : /swiftshader/,
    )
  })
  everyRowOn('webgpu')
  agreementOn('webgpu', 60)
})
