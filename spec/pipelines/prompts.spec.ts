import fc from 'fast-check'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { dispose, read } from '../../src/backend/compile.ts'
import { ConfigError } from '../../src/errors.ts'
import { load, orThrow } from '../../src/params/load.ts'
import { promptEncoder, tokensOf, type PromptEncoder, type PromptOptions } from '../../src/pipelines/prompts.ts'
import { StableDiffusion } from '../../src/pipelines/stable-diffusion.ts'

const on = { backend: 'wasm' } as const
let sd: StableDiffusion
let encode: PromptEncoder
beforeAll(async () => {
  sd = await orThrow(load(StableDiffusion, fileURLToPath(new URL('../../models/sd-emoji-64', import.meta.url))))
  encode = promptEncoder(sd.tokenizer, sd.text_encoder, 'last', on)
})

/** The states of texts, a list for each. */
const states = async (texts: readonly string[], options?: PromptOptions): Promise<readonly (readonly number[])[]> => {
  const encoded = encode(texts, options)
  const [values, size] = [[...(await read(encoded.states))], encoded.states.shape[1]! * encoded.states.shape[2]!]
  dispose(encoded)
  return texts.map((_, i) => values.slice(i * size, (i + 1) * size))
}
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

describe('tokens', () => {
  it('are ids between the special ones, filled to the length of the tokenizer', () => {
    const { ids, weights, mask, cut } = tokensOf(sd.tokenizer, 'a red apple')
    const plain = sd.tokenizer.encode('a red apple')
    expect([ids.length, weights.length, mask.length]).toEqual([77, 77, 77])
    expect(ids.slice(0, plain.length)).toEqual(plain)
    expect(ids.slice(plain.length).every((id) => id === sd.tokenizer.pad)).toBe(true)
    expect(mask.map(Number)).toEqual(ids.map((_, i) => (i < plain.length ? 1 : 0)))
    expect(cut).toBe(0)
  })
  it('of a long prompt are cut before the last special one', () => {
    const long = Array.from({ length: 100 }, () => 'apple').join(' ')
    const { ids, mask, cut } = tokensOf(sd.tokenizer, long)
    const whole = sd.tokenizer.encode(long)
    expect(ids).toEqual(sd.tokenizer.encode(long, { maxLength: 77 }))
    expect(ids.at(-1)).toBe(whole.at(-1))
    expect(mask.every((m) => m === 1)).toBe(true)
    expect(cut).toBe(whole.length - 77)
  })
  it('carry the weight of their part, the special ones 1', () => {
    const { ids, weights } = tokensOf(sd.tokenizer, 'a (red apple:1.3) tree')
    expect(ids).toEqual(tokensOf(sd.tokenizer, 'a red apple tree').ids)
    const [a, red] = ['a', 'red apple'].map((text) => sd.tokenizer.encode(text).length - 2) as [number, number]
    expect(weights).toEqual(weights.map((_, i) => (i > a && i <= a + red ? 1.3 : 1)))
    expect(weights.filter((w) => w === 1.3).length).toBe(red)
  })
  it('are those of the text itself where nothing is weighted', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const prompt = text.replace(/[:\\]/g, '')
        const { ids, weights } = tokensOf(sd.tokenizer, prompt)
        const plain = sd.tokenizer.encode(prompt, { maxLength: 77 })
        expect(ids.slice(0, plain.length)).toEqual(plain)
        expect(weights.every((w) => w === 1)).toBe(true)
      }),
    )
  })
})

describe('encoded prompts', () => {
  it('are those without weights, bit for bit, where all weights are 1', async () => {
    const [plain, ones] = [await states(['a red apple']), await states(['a (red:1) apple'])]
    expect(ones).toEqual(plain)
    const [beside] = await states(['a red apple', 'a (blue:1.5) car'])
    expect(beside).toEqual(plain[0])
  })
  it('keep their mean where they are weighted, and are moved where their tokens are', async () => {
    const texts = ['a red apple', 'a (red:1.5) apple', '(a red:0.5) apple', '(a red apple:2)']
    const [plain, ...weighted] = await states(texts)
    const width = sd.text_encoder.config.hidden_size
    for (const [i, got] of weighted.entries()) {
      expect(mean(got)).toBeCloseTo(mean(plain!), 5)
      const { weights } = tokensOf(sd.tokenizer, texts[i + 1]!)
      const scaled = plain!.map((v, j) => v * weights[Math.floor(j / width)]!)
      const restored = mean(plain!) / mean(scaled)
      const worst = Math.max(...got.map((v, j) => Math.abs(v - scaled[j]! * restored)))
      expect(worst).toBeLessThan(1e-4)
    }
  })
  it('do not depend on the other prompts of a batch', async () => {
    const [both, one] = [await states(['a cat', 'a dog']), await states(['a dog'])]
    const worst = Math.max(...both[1]!.map((v, i) => Math.abs(v - one[0]![i]!)))
    expect(worst).toBeLessThan(1e-5)
  })
  it('differ from layer to layer', async () => {
    const layers = [
      await states(['a cat']),
      await states(['a cat'], { clipSkip: 1 }),
      await states(['a cat'], { clipSkip: 2 }),
    ]
    expect(new Set(layers.map((l) => mean(l[0]!).toFixed(9))).size).toBe(3)
  })
  it.each([-1, 3, 0.5, NaN, Infinity])('are refused a clipSkip of %d, of a model of two layers', (clipSkip) => {
    expect(() => encode(['a cat'], { clipSkip })).toThrow(ConfigError)
  })
  it('are refused a clipSkip of all layers where the one before the last is wanted', () => {
    const penultimate = promptEncoder(sd.tokenizer, sd.text_encoder, 'penultimate', on)
    expect(() => penultimate(['a cat'], { clipSkip: 2 })).toThrow('clipSkip')
    expect(penultimate(['a cat'], { clipSkip: 1 }).states.shape).toEqual([1, 77, 128])
  })
})
