import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isWeighted, weightedParts, type Weighted } from '../../src/text/prompt-weights.ts'

const plain = (text: string): readonly Weighted[] => (text === '' ? [] : [{ text, weight: 1 }])

describe('a prompt without weights', () => {
  it.each([
    'a red apple',
    'a (red) apple',
    'a ((very) red) apple',
    'a [red] apple',
    '(red:) apple',
    '(red:much) apple',
    '(red:-1)',
    '(red:1.3',
    'red:1.3)',
    'ratio 16:9 (wide)',
    '(a:1:b)',
    '( : )',
    '()',
    ')(',
    'a \\ b',
    '',
  ])('is itself: %j', (prompt) => {
    expect(weightedParts(prompt)).toEqual(plain(prompt))
    expect(isWeighted(weightedParts(prompt))).toBe(false)
  })
  it('may be any text without a colon and a backslash', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const prompt = text.replace(/[:\\]/g, '')
        expect(weightedParts(prompt)).toEqual(plain(prompt))
      }),
    )
  })
})

describe('a weight', () => {
  it.each<readonly [prompt: string, parts: readonly Weighted[]]>([
    ['(red:1.3)', [{ text: 'red', weight: 1.3 }]],
    [
      'a (red:1.3) apple',
      [
        { text: 'a ', weight: 1 },
        { text: 'red', weight: 1.3 },
        { text: ' apple', weight: 1 },
      ],
    ],
    [
      '(a:0)(b:2.)(c:.5)',
      [
        { text: 'a', weight: 0 },
        { text: 'b', weight: 2 },
        { text: 'c', weight: 0.5 },
      ],
    ],
    ['(16:9 picture:1.5)', [{ text: '16:9 picture', weight: 1.5 }]],
    ['(:2)', [{ text: '', weight: 2 }]],
    ['(two\nlines:2)', [{ text: 'two\nlines', weight: 2 }]],
  ])('is the number after the last colon: %j', (prompt, parts) => {
    expect(weightedParts(prompt)).toEqual(parts)
  })
  it('of a bracket inside another counts; the other one is text', () => {
    expect(weightedParts('(a (red:1.3) apple:2)')).toEqual([
      { text: '(a ', weight: 1 },
      { text: 'red', weight: 1.3 },
      { text: ' apple:2)', weight: 1 },
    ])
  })
  it('of 1 is no weight', () => {
    expect(isWeighted(weightedParts('a (red:1) apple'))).toBe(false)
    expect(isWeighted(weightedParts('a (red:1.0) apple'))).toBe(false)
    expect(isWeighted(weightedParts('a (red:1.01) apple'))).toBe(true)
  })
})

describe('an escaped bracket', () => {
  it('is a bracket and no more', () => {
    expect(weightedParts('a \\(red:1.3\\) apple')).toEqual(plain('a (red:1.3) apple'))
    expect(weightedParts('\\(')).toEqual(plain('('))
  })
  it('stays a bracket inside a weight', () => {
    expect(weightedParts('(a smile \\(:\\):1.2)')).toEqual([{ text: 'a smile (:)', weight: 1.2 }])
  })
})

describe('parts written as a prompt', () => {
  const escaped = (text: string): string => text.replace(/[()]/g, '\\$&')
  const written = (parts: readonly Weighted[]): string =>
    parts.map(({ text, weight }) => (weight === 1 ? escaped(text) : `(${escaped(text)}:${weight})`)).join('')
  // A backslash before a bracket cannot be written, since nothing escapes a backslash.
  const text = fc.string({ unit: fc.constantFrom(...'ab (): 1.é\n') })
  const part = fc.record({ text, weight: fc.integer({ min: 0, max: 300 }).map((n) => n / 100) })
  const isNormal = (parts: readonly Weighted[]): boolean =>
    parts.every((p, i) => p.weight !== 1 || (p.text !== '' && parts[i - 1]?.weight !== 1))

  it('are read back', () => {
    fc.assert(
      fc.property(fc.array(part).filter(isNormal), (parts) => {
        expect(weightedParts(written(parts))).toEqual(parts)
      }),
    )
  })
  it('are normal: no empty part and no two neighbours of weight 1, unless 1 was written', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab():\\27.') }), (prompt) => {
        const parts = weightedParts(prompt)
        expect(isNormal(parts) || /:0*1?(\.0*)?\)/.test(prompt)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
