import { InvalidArgumentError } from 'commander'
import { describe, expect, it } from 'vitest'
import { between, seedFrom, wholeFrom } from '../../src/cli/options.ts'
import { pngPath, previewPath } from '../../src/cli/output.ts'
import { schedulerFrom } from '../../src/cli/scheduler.ts'
import { loraFrom, sizeFrom } from '../../src/cli/text-options.ts'
import { seed } from '../../src/random/generator.ts'

const refuse = (parse: (text: string) => unknown, texts: readonly string[]): void => {
  for (const text of texts) expect(() => parse(text), text).toThrow(InvalidArgumentError)
}

describe('options', () => {
  it('of counts are whole numbers', () => {
    expect(['1', '25', '007', '+3'].map(wholeFrom(1))).toEqual([1, 25, 7, 3])
    refuse(wholeFrom(1), [
      '0',
      '-1',
      '2.5',
      '1.0',
      'abc',
      '',
      ' ',
      '0x10',
      '1e2',
      'NaN',
      'Infinity',
      '9'.repeat(20),
      '1n',
    ])
  })
  it('of seeds are any 64 bits, signed or not', () => {
    expect(['0', '-1', `${2n ** 64n - 1n}`, `${-(2n ** 63n)}`].map(seedFrom)).toEqual(
      [0n, -1n, 2n ** 64n - 1n, -(2n ** 63n)].map(seed),
    )
    refuse(seedFrom, [
      '',
      ' ',
      'abc',
      '1.5',
      '0x10',
      '1e3',
      '--1',
      `${2n ** 64n}`,
      `${-(2n ** 63n) - 1n}`,
      '9'.repeat(40),
    ])
  })
  it('of shares are numbers between two', () => {
    expect(['0', '1', '0.5', '1e-3'].map(between(0, 1))).toEqual([0, 1, 0.5, 0.001])
    refuse(between(0, 1), ['', ' ', '-0.1', '1.1', 'half', 'NaN', 'Infinity'])
  })
  it('of pictures are names of PNG files', () => {
    expect(['a.png', 'b/c.d.PNG', '/x.png'].map(pngPath)).toEqual(['a.png', 'b/c.d.PNG', '/x.png'])
    refuse(pngPath, ['', 'cat', 'cat.jpg', '.png', 'a/.png', 'png', 'cat.png.gz', 'cat.png/'])
  })
  it('of previews are next to their pictures', () => {
    expect(['a.png', 'b/c.PNG'].map(previewPath)).toEqual(['a-preview.png', 'b/c-preview.PNG'])
  })
  it('of sizes are a width and a height', () => {
    expect(sizeFrom('512x768')).toEqual({ width: 512, height: 768 })
    refuse(sizeFrom, ['', '512', '512x', 'x512', '0x8', '-8x8', '8.5x8', '8 x 8', '8X8'])
  })
  it('of LoRAs are files, each with its weight', () => {
    const named = ['a.safetensors', 'C:\\b.bin:0.5', './c:-1'].reduce(
      (before: ReturnType<typeof loraFrom>, text) => loraFrom(text, before),
      [],
    )
    expect(named).toEqual([
      { file: 'a.safetensors', weight: 1 },
      { file: 'C:\\b.bin', weight: 0.5 },
      { file: './c', weight: -1 },
    ])
    refuse(loraFrom, [''])
  })
  it('of schedulers are the names of diffusers and ours', () => {
    expect(['UniPCMultistepScheduler', 'unipc'].map(schedulerFrom)).toEqual(['unipc', 'unipc'])
    refuse(schedulerFrom, ['', 'UniPC', 'toString'])
  })
})
