import { describe, it } from 'vitest'
import { mapCase } from '../../support/arbitrary-kernel.ts'
import { softwareAdapter } from '../../support/software-adapter.ts'
import { agree } from './agreement.ts'

const missing = softwareAdapter()

describe.skipIf(missing !== undefined)('WGSL of maps', () => {
  it('gives what they mean', () => agree(mapCase, 60))
})
