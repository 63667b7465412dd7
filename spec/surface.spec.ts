import { expect, it } from 'vitest'
import * as tfjs from '../src/backend/tfjs/share.ts'
import * as diffold from '../src/index.ts'

it('exports these names', () => {
  expect(Object.keys(diffold).sort()).toMatchSnapshot()
})

it('exports these names to those who share a device with TensorFlow.js', () => {
  expect(Object.keys(tfjs).sort()).toEqual(['fromTfjs', 'shareDevice', 'toTfjs'])
})
