import fc from 'fast-check'
import { describe, it } from 'vitest'
import { softwareAdapter } from '../../support/software-adapter.ts'
import { agree } from './agreement.ts'
import { arbitraryRecipe, productCase, type Recipe } from './products.ts'

const missing = softwareAdapter()

describe.skipIf(missing !== undefined)('WGSL of products', () => {
  it('gives what they mean', () => agree(arbitraryRecipe([4, 8, 16, 40, 64]).map(productCase), 12), 120_000)
  it(
    'gives what they mean of operands cut into windows',
    () => agree(arbitraryRecipe([16, 40]).map(productCase), 3, 1e-5, true),
    120_000,
  )
  it('keeps rows apart whose mean is large', () => {
    const recipe: Recipe = {
      batch: [],
      rows: [1, 5, 7],
      n: 24,
      width: 16,
      depths: [33],
      kind: ['norm', 'plain', 'plain'],
      magnify: 1,
      planes: false,
      stride: 1,
      epilogue: 'bias',
      element: 'f32',
    }
    const made = productCase(recipe)
    const operands = made.operands.map((o, i) => (i === 2 ? o.map((x) => x + 1000) : o))
    return agree(fc.constant({ ...made, operands }), 1, 1e-3)
  })
})
