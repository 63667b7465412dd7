import { describe, it } from 'vitest'
import { attentionCase } from '../../support/arbitrary-attention.ts'
import { softwareAdapter } from '../../support/software-adapter.ts'
import { agree } from './agreement.ts'

const missing = softwareAdapter()

describe.skipIf(missing !== undefined)('WGSL of attention', () => {
  it('gives what it means', () => agree(attentionCase, 30))
})
