import { describe, it } from 'vitest'
import { reduceCase, wholeReduceCase } from '../../support/arbitrary-kernel.ts'
import { softwareAdapter } from '../../support/software-adapter.ts'
import { agree } from './agreement.ts'

const missing = softwareAdapter()

describe.skipIf(missing !== undefined)('WGSL of folds', () => {
  it('gives what they mean', () => agree(reduceCase, 40))
  it('gives what they mean of integers and bools', () => agree(wholeReduceCase, 30, 0))
  it('gives what they mean of operands cut into windows', () => agree(reduceCase, 10, 1e-5, true))
})
