import { describe, it } from 'vitest'
import { normaliseCase } from '../../support/arbitrary-kernel.ts'
import { softwareAdapter } from '../../support/software-adapter.ts'
import { agree } from './agreement.ts'

const missing = softwareAdapter()

describe.skipIf(missing !== undefined)('WGSL of normalisations', () => {
  it('gives what they mean', () => agree(normaliseCase, 25, 1e-4))
  it('gives what they mean of operands cut into windows', () => agree(normaliseCase, 10, 1e-4, true))
})
