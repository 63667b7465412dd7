import * as fc from 'fast-check'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Image } from '../../src/image/image.ts'
import { maskTensor, pictureTensor, resizeTensor } from '../../src/image/preprocess.ts'
import { filters, resize, type Filter, type ResizeOptions } from '../../src/image/resample.ts'
import { full, tensor } from '../../src/tensor/tensor.ts'
import { checkImageProcessor } from '../reference/image-processor.ts'
import { largest } from '../reference/result.ts'
import { list } from '../support/host.ts'

const side = fc.integer({ min: 1, max: 24 })
const filter = fc.constantFrom(...filters)
const mode = fc.constantFrom('default' as const, 'crop' as const, 'fill' as const)
const byte = fc.integer({ min: 0, max: 255 })

const flat = (width: number, height: number, pixel: readonly number[]): Image => ({
  width,
  height,
  rgba: Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) => pixel[i % 4]!),
})
const opaque = ({ width, height, rgba }: Image): Image => ({
  width,
  height,
  rgba: rgba.map((v, i) => (i % 4 === 3 ? 255 : v)),
})
const pictureOf = (side: fc.Arbitrary<number>): fc.Arbitrary<Image> =>
  fc.tuple(side, side).chain(([width, height]) => {
    const length = 4 * width * height
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((bytes) => ({ width, height, rgba: new Uint8ClampedArray(bytes) }))
  })
const picture = pictureOf(side)
const mirrored = ({ width, height, rgba }: Image): Image => ({
  width,
  height,
  rgba: rgba.map((_, i) => {
    const [x, y] = [Math.floor(i / 4) % width, Math.floor(i / (4 * width))]
    return rgba[4 * (y * width + width - 1 - x) + (i % 4)]!
  }),
})
const gray = (rows: readonly (readonly number[])[]): Image => ({
  width: rows[0]!.length,
  height: rows.length,
  rgba: Uint8ClampedArray.from(rows.flat().flatMap((v) => [v, v, v, 255])),
})
const reds = ({ rgba }: Image): number[] => [...rgba.filter((_, i) => i % 4 === 0)]

describe('recorded pictures', () => {
  it('are met to the last bit', async () => {
    const checks = await checkImageProcessor(
      fileURLToPath(new URL('../reference/data/image-processor', import.meta.url)),
    )
    expect(checks.length).toBe(35)
    expect(checks.filter((c) => !c.pass)).toEqual([])
  })
})

describe('resize', () => {
  it('is the picture itself at its own size', () => {
    fc.assert(
      fc.property(picture, filter, (image, f) => {
        const { width, height } = image
        expect(resize(image, { width, height, filter: f })).toEqual(image)
      }),
    )
  })
  it('keeps one color, whatever the size', () => {
    fc.assert(
      fc.property(side, side, side, side, fc.tuple(byte, byte, byte), filter, (w, h, width, height, rgb, f) => {
        const pixel = [...rgb, 255]
        expect(resize(flat(w, h, pixel), { width, height, filter: f })).toEqual(flat(width, height, pixel))
      }),
    )
  })
  it('leaves a clear picture clear', () => {
    fc.assert(
      fc.property(picture, side, side, filter, (image, width, height, f) => {
        const clear = { ...image, rgba: image.rgba.map((v, i) => (i % 4 === 3 ? 0 : v)) }
        const out = resize(clear, { width, height, filter: f })
        expect(out.rgba.every((v, i) => i % 4 !== 3 || v === 0)).toBe(true)
      }),
    )
  })
  it('commutes with mirroring, within a rounding', () => {
    fc.assert(
      fc.property(
        picture,
        side,
        side,
        fc.constantFrom<Filter>('bilinear', 'hamming', 'bicubic'),
        (image, width, height, f) => {
          const one = mirrored(resize(opaque(image), { width, height, filter: f }))
          const other = resize(mirrored(opaque(image)), { width, height, filter: f })
          expect(largest(one.rgba, other.rgba)).toBeLessThanOrEqual(1)
        },
      ),
    )
  })
  it('stays within the bytes there are, where no weight is negative', () => {
    fc.assert(
      fc.property(
        picture,
        side,
        side,
        fc.constantFrom<Filter>('nearest', 'box', 'bilinear', 'hamming'),
        (image, w, h, f) => {
          const [before, after] = [reds(opaque(image)), reds(resize(opaque(image), { width: w, height: h, filter: f }))]
          expect(Math.min(...after)).toBeGreaterThanOrEqual(Math.min(...before))
          expect(Math.max(...after)).toBeLessThanOrEqual(Math.max(...before))
        },
      ),
    )
  })
  // Pillow 13.0: Image.fromarray(rows).resize((width, height), filter), or of `box`.
  const rows = gray([
    [0, 64, 255, 13],
    [200, 7, 90, 128],
    [31, 255, 0, 77],
    [99, 1, 180, 240],
    [255, 66, 3, 5],
    [12, 250, 30, 201],
    [8, 90, 170, 44],
  ])
  it.each<[ResizeOptions, number[]]>([
    [{ width: 3, height: 2, filter: 'lanczos' }, [95, 98, 107, 108, 98, 100]],
    [
      { width: 6, height: 9, filter: 'lanczos' },
      [
        0, 0, 118, 255, 139, 0, 168, 61, 5, 140, 147, 92, 147, 160, 118, 10, 43, 110, 0, 132, 227, 65, 55, 124, 113, 38,
        11, 146, 233, 240, 255, 144, 0, 34, 48, 31, 126, 192, 176, 0, 24, 128, 0, 98, 217, 104, 117, 184, 8, 28, 103,
        184, 106, 13,
      ],
    ],
    [{ width: 3, height: 2, filter: 'bicubic' }, [95, 99, 105, 104, 100, 102]],
    [{ width: 5, height: 3, filter: 'bilinear' }, [92, 84, 105, 114, 76, 121, 100, 87, 98, 137, 63, 126, 114, 83, 103]],
    [{ width: 3, height: 4, filter: 'hamming' }, [77, 113, 80, 80, 111, 109, 175, 59, 75, 33, 134, 109]],
    [{ width: 2, height: 3, filter: 'box' }, [68, 122, 118, 84, 90, 112]],
    [{ width: 3, height: 5, filter: 'nearest' }, [0, 255, 13, 31, 0, 77, 99, 180, 240, 255, 3, 5, 8, 170, 44]],
    [{ width: 4, height: 2, filter: 'bicubic', box: [0, 7, 4, 7] }, [8, 70, 188, 24, 8, 70, 188, 24]],
    [{ width: 3, height: 2, filter: 'bilinear', box: [0.5, 1.25, 3.5, 6] }, [105, 97, 100, 116, 90, 91]],
  ])('is Pillow’s: %j', (options, want) => {
    expect(reds(resize(rows, options))).toEqual(want)
  })
  it('weighs colors by their opacity', () => {
    const image = { width: 2, height: 1, rgba: Uint8ClampedArray.of(200, 100, 0, 255, 10, 20, 30, 85) }
    // Pillow 13.0, mode RGBA.
    expect([...resize(image, { width: 1, height: 1, filter: 'box' }).rgba]).toEqual([153, 81, 7, 170])
  })
  it('names sizes and boxes that cannot be', () => {
    for (const d of [0, -1, 1.5, NaN])
      expect(() => resize(rows, { width: d, height: 3 })).toThrow(
        'resize: [3, ' + String(d) + '] is no size of a picture',
      )
    expect(() => resize(rows, { width: 3, height: 3, box: [0, 0, 5, 7] })).toThrow('does not hold the box 0, 0, 5, 7')
    expect(() => resize(rows, { width: 3, height: 3, box: [2, 0, 1, 7] })).toThrow('box')
  })
})

describe('a picture as a tensor', () => {
  it('has its own size, rounded down to a multiple of 8, or the size asked for, rounded down too', () => {
    const image = flat(21, 17, [1, 2, 3, 255])
    expect(pictureTensor(image).shape).toEqual([1, 3, 16, 16])
    expect(pictureTensor(image, { multipleOf: 1 }).shape).toEqual([1, 3, 17, 21])
    expect(pictureTensor(image, { width: 39, height: 9 }).shape).toEqual([1, 3, 8, 32])
    expect(pictureTensor(image, { height: 64, grayscale: true }).shape).toEqual([1, 1, 64, 16])
    expect(maskTensor(image, { width: 24, multipleOf: 2 }).shape).toEqual([1, 1, 16, 24])
    expect(resizeTensor(full([2, 5, 9, 31], 0.5)).shape).toEqual([2, 5, 8, 24])
  })
  it('lies in [−1, 1], or [0, 1]; opacity is no part of it', () => {
    // With shapes less than 4 to 1, no side of one vanishes in the other.
    const even = fc.integer({ min: 4, max: 16 })
    fc.assert(
      fc.property(pictureOf(even), even, even, filter, mode, fc.boolean(), (image, width, height, f, m, normalize) => {
        const fit = { width, height, filter: f, mode: m, multipleOf: 1 }
        const values = list(pictureTensor(image, { ...fit, normalize }))
        expect(values.every((v) => v >= (normalize ? -1 : 0) && v <= 1)).toBe(true)
        expect(list(pictureTensor(opaque(image), { ...fit, normalize }))).toEqual(values)
        expect(new Set([...list(maskTensor(image, fit)), 0, 1]).size).toBe(2)
      }),
    )
  })
  it('of one color is one number, however it is fitted', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 16 }), fc.integer({ min: 4, max: 16 }), byte, (w, h, v) => {
        const values = list(pictureTensor(flat(w, h, [v, v, v, 255]), { width: 8, height: 8, mode: 'crop' }))
        expect(new Set(values)).toEqual(new Set([Math.fround(2 * Math.fround(v / 255) - 1)]))
      }),
    )
  })
  it('parts a mask at a half: 127 is kept, 128 is painted', () => {
    expect(list(maskTensor(gray([[0, 127, 128, 255]]), { multipleOf: 1 }))).toEqual([0, 0, 1, 1])
    // Luma of a pure green is 150, of a pure red 76.
    const colors = { width: 2, height: 1, rgba: Uint8ClampedArray.of(0, 255, 0, 255, 255, 0, 0, 255) }
    expect(list(maskTensor(colors, { multipleOf: 1 }))).toEqual([1, 0])
  })
  it('takes samples in [0, 1] too, and their nearest pixels', () => {
    const x = tensor([0, 0.25, 0.5, 1], [1, 1, 1, 4])
    expect(list(resizeTensor(x, { width: 2, multipleOf: 1 }))).toEqual([-1, 0])
    expect(list(resizeTensor(x, { width: 8, multipleOf: 1, normalize: false }))).toEqual([
      0, 0, 0.25, 0.25, 0.5, 0.5, 1, 1,
    ])
  })
  it('names sizes that cannot be', () => {
    const image = flat(7, 9, [1, 2, 3, 255])
    expect(() => pictureTensor(image)).toThrow(
      'preprocess: [8, 0] is no size of a picture, rounded down to a multiple of 8',
    )
    expect(() => maskTensor(image, { width: 16, height: NaN })).toThrow('preprocess')
    expect(() => pictureTensor(image, { multipleOf: 0 })).toThrow('multipleOf: 0 is no whole number of 1 or more')
    expect(() => pictureTensor(flat(100, 1, [0, 0, 0, 255]), { width: 8, height: 8, mode: 'fill' })).toThrow(
      'resize: [0, 8]',
    )
  })
})
