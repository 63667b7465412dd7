import { decode } from 'fast-png'
import { describe, expect, it } from 'vitest'
import { byteOf, grid, toImage, toImages } from '../../src/image/image.ts'
import { encodePng } from '../../src/image/png.ts'
import { tensor } from '../../src/tensor/tensor.ts'

describe('bytes', () => {
  it('are rounded half to even and clamped, as Python does', () => {
    // numpy: np.round(np.clip(np.float32(x) / 2 + 0.5, 0, 1) * 255)
    const cases: readonly (readonly [number, number])[] = [
      [-1, 0],
      [1, 255],
      [0, 128],
      [2, 255],
      [-3, 0],
      [NaN, 0],
      [1 / 255, 128],
      [-1 / 255, 127],
      [0.5, 191],
    ]
    for (const [x, want] of cases) expect([x, byteOf(Math.fround(x))]).toEqual([x, want])
  })
})

describe('pictures', () => {
  it('are made of [N, 3, H, W], or grey of [N, 1, H, W]', async () => {
    const [one, two] = await toImages(tensor([-1, 1, 1, -1, 0, 0, 1, 1, 1, 1, 1, 1], [2, 3, 1, 2]))
    expect([...one!.rgba]).toEqual([0, 255, 128, 255, 255, 0, 128, 255])
    expect([...two!.rgba]).toEqual([255, 255, 255, 255, 255, 255, 255, 255])
    expect([...(await toImage(tensor([-1, 1], [1, 1, 1, 2]))).rgba]).toEqual([0, 0, 0, 255, 255, 255, 255, 255])
    await expect(toImages(tensor([1, 2]))).rejects.toThrow('toImages: [2] is no batch of pictures')
  })
  it('stand side by side', () => {
    const dot = (v: number) => ({ width: 1, height: 1, rgba: Uint8ClampedArray.of(v, v, v, 255) })
    const four = grid([dot(1), dot(2), dot(3)])
    expect([four.width, four.height]).toEqual([2, 2])
    expect([...four.rgba].filter((_, i) => i % 4 === 0)).toEqual([1, 2, 3, 255])
    expect(() => grid([])).toThrow('grid')
  })
  it('survive PNG', () => {
    const image = { width: 2, height: 1, rgba: Uint8ClampedArray.of(1, 2, 3, 255, 4, 5, 6, 255) }
    expect([...decode(encodePng(image)).data]).toEqual([1, 2, 3, 4, 5, 6])
    const clear = { width: 1, height: 1, rgba: Uint8ClampedArray.of(1, 2, 3, 9) }
    expect([...decode(encodePng(clear)).data]).toEqual([1, 2, 3, 9])
  })
})
