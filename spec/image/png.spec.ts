import { encode } from 'fast-png'
import * as fc from 'fast-check'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Image } from '../../src/image/image.ts'
import { decodePng, encodePng, readPng } from '../../src/image/png.ts'
import { orThrow } from '../../src/params/load.ts'

const side = fc.integer({ min: 1, max: 16 })
const picture: fc.Arbitrary<Image> = fc.tuple(side, side).chain(([width, height]) => {
  const length = 4 * width * height
  return fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((bytes) => ({ width, height, rgba: new Uint8ClampedArray(bytes) }))
})
const grays = (width: number, values: readonly number[]): Image => ({
  width,
  height: values.length / width,
  rgba: Uint8ClampedArray.from(values.flatMap((v) => [v, v, v, 255])),
})

describe('PNG', () => {
  const read = (bytes: Uint8Array): number[] => {
    const image = decodePng(bytes)
    if (image._tag === 'Left') throw image.left
    return [...image.right.rgba]
  }
  const row = (width: number, data: Uint8Array | Uint16Array, channels: number, depth: 8 | 16 = 8): Uint8Array =>
    encode({ width, height: data.length / (width * channels), data, channels, depth })
  it('gives back every picture that was written', () => {
    fc.assert(
      fc.property(picture, (image) => {
        expect(decodePng(encodePng(image))).toEqual({ _tag: 'Right', right: image })
      }),
    )
  })
  it('is read as Pillow converts it', () => {
    expect(read(row(2, Uint8Array.of(3, 200), 1))).toEqual([3, 3, 3, 255, 200, 200, 200, 255])
    expect(read(row(1, Uint8Array.of(3, 200), 2))).toEqual([3, 3, 3, 200])
    expect(read(row(1, Uint16Array.of(0x1234, 0x80ff, 0xffff), 3, 16))).toEqual([0x12, 0x80, 0xff, 255])
    expect(read(row(1, Uint16Array.of(0x1234, 0x80ff), 2, 16))).toEqual([0x12, 0x12, 0x12, 0x80])
    expect(read(row(3, Uint16Array.of(7, 255, 256), 1, 16)).filter((_, i) => i % 4 === 0)).toEqual([7, 255, 255])
  })
  // Of 3 by 2 pixels, 2 bits each: a palette of three colors, the second half clear, and index 3, which it has not.
  const palette = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACAgMAAADgGo6JAAAACVBMVEUKFB4oMjxGUFoWrIR0AAAAAnRSTlP/gAgPs2oAAAAMSURBVHicY5BgeAIAATAA/VbNHHMAAAAASUVORK5CYII=',
    'base64',
  )
  it('is read with its palette', () => {
    expect(read(palette)).toEqual([
      10, 20, 30, 255, 40, 50, 60, 128, 70, 80, 90, 255, 0, 0, 0, 255, 70, 80, 90, 255, 40, 50, 60, 128,
    ])
  })
  it('that is broken, or none, is an error that says so', () => {
    const bytes = encodePng(grays(3, [1, 2, 3]))
    const problem = (b: Uint8Array): string => {
      const image = decodePng(b, 'cat.png')
      return image._tag === 'Left' ? `${image.left.path} ${image.left.problem}` : 'Right'
    }
    expect(problem(Uint8Array.of(0xff, 0xd8, 0xff))).toBe('cat.png unsupported')
    expect(problem(new Uint8Array(0))).toBe('cat.png unsupported')
    for (let length = 8; length < bytes.length; length++)
      expect(problem(bytes.subarray(0, length))).toBe('cat.png corrupt')
    fc.assert(
      fc.property(fc.integer({ min: 8, max: bytes.length - 1 }), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const broken = bytes.map((v, i) => (i === at ? v ^ (1 << bit) : v))
        expect(problem(broken)).toMatch(/corrupt|unsupported/)
      }),
    )
  })
  it('comes from a file', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'diffold-png-'))
    try {
      const image = grays(2, [1, 2, 3, 4])
      await writeFile(join(dir, 'a.png'), encodePng(image))
      expect(await orThrow(readPng(join(dir, 'a.png')))).toEqual(image)
      expect(await readPng(join(dir, 'b.png'))()).toMatchObject({ left: { _tag: 'FileError', problem: 'missing' } })
      expect(await readPng(dir)()).toMatchObject({ left: { _tag: 'FileError', problem: 'unreadable' } })
    } finally {
      await rm(dir, { recursive: true })
    }
  })
})
