import { either as E } from 'fp-ts'
import { expect, it } from 'vitest'
import { parseObject } from '../../src/params/json.ts'
import { dpmMultistepScheduler } from '../../src/schedulers/dpm-multistep.ts'

it('takes what Python writes for infinities, and leaves strings alone', () => {
  const parsed = parseObject('x', '{"lambda_min_clipped": -Infinity, "a": [NaN, Infinity], "s": "-Infinity \\" NaN"}')
  expect(parsed).toEqual(E.right({ lambda_min_clipped: '-Infinity', a: ['NaN', 'Infinity'], s: '-Infinity " NaN' }))
  if (E.isRight(parsed)) expect(dpmMultistepScheduler(parsed.right, 5).timesteps).toHaveLength(5)
})
it('refuses what is no JSON, doubled keys and depth', () => {
  for (const text of [
    '{a: 1}',
    '{"a": Infinit}',
    '{"a": 1, "a": 2}',
    `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`,
    '[1]',
    '',
    '{"a": -NaN}',
  ])
    expect(E.isLeft(parseObject('x', text))).toBe(true)
})
