import { expect, it } from 'vitest'
import * as diffold from '../src/index.ts'

it('exports these names', () => {
  expect(Object.keys(diffold).sort()).toMatchSnapshot()
})
