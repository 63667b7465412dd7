import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { read } from '../../src/backend/compile.ts'
import { useBackend } from '../../src/backend/select.ts'
import { load, orThrow } from '../../src/params/load.ts'
import { latentCodec } from '../../src/pipelines/latents.ts'
import { fitPreview, latentPreview, previewFactors, sdPreview, sdxlPreview } from '../../src/pipelines/preview.ts'
import { StableDiffusion } from '../../src/pipelines/stable-diffusion.ts'
import { textToImage } from '../../src/pipelines/text-to-image.ts'
import { seed } from '../../src/random/generator.ts'
import { avgPool2d } from '../../src/tensor/nn.ts'
import { randn } from '../../src/tensor/noise.ts'
import { tensor } from '../../src/tensor/tensor.ts'

let sd: StableDiffusion
beforeAll(async () => {
  useBackend('wasm')
  sd = await orThrow(load(StableDiffusion, fileURLToPath(new URL('../../models/sd-emoji-64', import.meta.url))))
})

describe('latentPreview', () => {
  it('is a linear map of the channels, and each latent a square', async () => {
    const { channels } = sdxlPreview
    const bias = [0.1, -0.2, 0.3] as const
    const latents = randn(seed(3), [2, 4, 2, 3])
    const preview = latentPreview({ channels, bias }, { scale: 2 })(latents)
    expect(preview.shape).toEqual([2, 3, 4, 6])
    const [z, got] = [await read(latents), await read(preview)]
    for (const n of [0, 1])
      for (const rgb of [0, 1, 2])
        for (let y = 0; y < 4; y++)
          for (let x = 0; x < 6; x++) {
            const at = (c: number): number => z[((n * 4 + c) * 2 + (y >> 1)) * 3 + (x >> 1)]!
            const want = channels.reduce<number>((sum, row, c) => sum + row[rgb]! * at(c), bias[rgb]!)
            expect(got[((n * 3 + rgb) * 4 + y) * 6 + x]).toBeCloseTo(want, 5)
          }
  })
  it('refuses latents of other channels', () => {
    expect(() => latentPreview(sdPreview)(randn(seed(0), [1, 3, 2, 2]))).toThrow(/4 channels/)
  })
})

describe('fitPreview', () => {
  it('is the same every time, and is like what the decoder makes of a drawing', async () => {
    const factors = await fitPreview(sd)
    expect(await fitPreview(sd)).toEqual(factors)
    const running = textToImage(sd, { scheduler: 'unipc', steps: 12 }).states('a red apple', seed(1))
    let next = await running.next()
    while (next.done !== true) next = await running.next()
    const latents = tensor([...(await read(next.value))], next.value.shape)
    const want = await read(avgPool2d(4)(latentCodec(sd).decode(latents)))
    const got = await read(latentPreview(factors)(latents))
    const mean = want.reduce((a, b) => a + b, 0) / want.length
    const [error, spread] = [0, 0].map((_, k) =>
      want.reduce((sum, v, i) => sum + (v - (k === 0 ? got[i]! : mean)) ** 2, 0),
    ) as [number, number]
    expect(1 - error / spread).toBeGreaterThan(0.8)
  })
  it('is left out where factors are published', async () => {
    const scaled = (scaling_factor: number): StableDiffusion => ({
      ...sd,
      vae: { ...sd.vae, config: { ...sd.vae.config, scaling_factor } },
    })
    expect(await previewFactors(scaled(0.18215))).toBe(sdPreview)
    expect(await previewFactors(scaled(0.13025))).toBe(sdxlPreview)
    expect(await previewFactors(sd)).toEqual(await fitPreview(sd))
  })
})
