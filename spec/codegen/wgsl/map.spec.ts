import { describe, it } from 'vitest'
import { mapCase } from '../../support/arbitrary-kernel.ts'
import { softwareAdapter } from '../../support/software-adapter.ts'
import { agree } from './agreement.ts'

const missing = softwareAdapter()

describe.skipIf(missing !== undefined)('WGSL of maps', () => {
  it('gives what they mean', () => agree(mapCase, 60))
  it('gives what they mean of operands cut into windows', () => agree(mapCase, 10, 1e-5, true))
})
