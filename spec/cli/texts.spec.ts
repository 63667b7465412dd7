import { decode } from 'fast-png'
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import * as ort from 'onnxruntime-web'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { relaxedSimd } from '../../src/backend/wasm/relaxed-simd.ts'
import { encodePng } from '../../src/image/png.ts'
import { load, orThrow } from '../../src/params/load.ts'
import { StableDiffusion } from '../../src/pipelines/stable-diffusion.ts'
import { textToImage } from '../../src/pipelines/text-to-image.ts'
import { seed } from '../../src/random/generator.ts'
import { checkpoint, diffold, expectComplaint, workFolder } from './diffold.ts'

// The same picture, bit for bit, from an engine that is set up the same.
relaxedSimd(setFlagsFromString)

const recorded = (path: string): string =>
  fileURLToPath(new URL(`../reference/data/pipelines/${path}`, import.meta.url))
const [sd, sdxl, init, mask] = ['sd', 'sdxl', 'inputs/init.png', 'inputs/mask.png'].map(recorded) as [
  string,
  string,
  string,
  string,
]

let work = ''
beforeAll(async () => {
  work = await workFolder()
})
afterAll(() => rm(work, { recursive: true, force: true }))

/** The pixels of what a command draws; it must say nothing else. */
const drawn = async (
  name: string,
  ...args: readonly string[]
): Promise<{ readonly size: string; readonly hex: string }> => {
  const said = await diffold(work, ['draw', ...args, '-q', '-o', `${name}.png`])
  expect(said).toEqual({ code: 0, stdout: `${join(work, `${name}.png`)}\n`, stderr: '' })
  const { width, height, data } = decode(await readFile(join(work, `${name}.png`)))
  return { size: `${width}x${height}`, hex: Buffer.from(data).toString('hex') }
}

describe('draw, from a text', () => {
  it('draws what the library draws', async () => {
    const model = await orThrow(load(StableDiffusion, sd))
    const args = ['--steps', '3', '--scheduler', 'EulerDiscreteScheduler', '--guidance', '4', '--negative', 'blue']
    const ours = await drawn('library', sd, 'a red apple', ...args, '--seed', '7')
    const draw = textToImage(model, { scheduler: 'euler', steps: 3, backend: 'wasm' })
    const image = await draw({ prompt: 'a red apple', negative: 'blue', guidance: 4 }, seed(7))
    expect(ours.hex).toBe(Buffer.from(decode(encodePng(image)).data).toString('hex'))
  })
  it('into picture.png, with notes and a bar, and a preview beside it', async () => {
    const { code, stdout, stderr } = await diffold(work, ['draw', sd, 'x '.repeat(99), '--steps', '3', '--preview'])
    expect([code, stdout]).toEqual([0, `${join(work, 'picture.png')}\n`])
    for (const part of ['tokens do not fit', 'drawing on', '/3 steps']) expect(stderr).toContain(part)
    const [picture, preview] = await Promise.all(
      ['picture.png', 'picture-preview.png'].map(async (name) => decode(await readFile(join(work, name)))),
    )
    expect([preview!.width, preview!.height]).toEqual([picture!.width, picture!.height])
  })
  it('of any size and number, with any number of layers, noise and steps', async () => {
    const plain = await drawn('plain', sd, 'a cat', '--steps', '2')
    const skipped = await drawn('skipped', sd, 'a cat', '--steps', '2', '--clip-skip', '1')
    expect(skipped.size).toBe(plain.size)
    expect(skipped.hex).not.toBe(plain.hex)
    const noisy = await drawn('noisy', sd, 'a cat', '--steps', '2', '--scheduler', 'ddim', '--eta', '1')
    expect(noisy.hex).not.toBe((await drawn('even', sd, 'a cat', '--steps', '2', '--scheduler', 'ddim')).hex)
    expect((await drawn('two', sd, 'a cat', '--steps', '1', '--count', '2', '--size', '16x24')).size).toBe('32x24')
    expect((await drawn('none', sd, '', '--steps', '1', '--guidance', '1', '--size', '16x16')).size).toBe('16x16')
  })
  it('from a picture, and within a mask', async () => {
    const [from, within] = [
      await drawn('from', sd, 'a cat', '--steps', '4', '--image', init, '--strength', '0.5'),
      await drawn('within', sd, 'a cat', '--steps', '2', '--image', init, '--mask', mask),
    ]
    expect(from.hex).not.toBe(within.hex)
    const weak = ['draw', sd, 'a cat', '--steps', '4', '--image', init, '--strength', '0.1', '-q']
    expectComplaint(await diffold(work, weak), 'strength', '0.1', '0.25')
  })
  it('under a LoRA, as much as it is weighed', async () => {
    const lora = recorded('lora/kohya_unet_and_text.safetensors')
    const weighed = (weight: string) =>
      drawn(`lora${weight}`, sd, 'a cat', '--steps', '2', '--lora', `${lora}:${weight}`)
    const plain = await drawn('bare', sd, 'a cat', '--steps', '2')
    expect((await weighed('0')).hex).toBe(plain.hex)
    expect(new Set([plain.hex, (await weighed('0.5')).hex, (await weighed('1')).hex]).size).toBe(3)
  })
  it('of Stable Diffusion XL too, whose inpainting has defaults of its own', async () => {
    await drawn('xl', sdxl, 'a cat', '--steps', '2', '--negative', 'blue')
    const inpainted = ['a cat', '--steps', '2', '--image', init, '--mask', mask]
    const usual = await drawn('usual', sdxl, ...inpainted)
    expect(usual.hex).toBe((await drawn('said', sdxl, ...inpainted, '--guidance', '7.5', '--strength', '0.9999')).hex)
    expect(usual.hex).not.toBe((await drawn('other', sdxl, ...inpainted, '--guidance', '5')).hex)
  })
})

describe('draw, from noise', () => {
  it('takes any scheduler that fits, and shows the way', async () => {
    await checkpoint(join(work, 'good'))
    const names = ['euler', 'UniPCMultistepScheduler', 'heun', 'dpm_sde']
    const pictures: string[] = []
    for (const name of names) pictures.push((await drawn(name, 'good', '--steps', '2', '--scheduler', name)).hex)
    expect(new Set(pictures).size).toBe(names.length)
    await drawn('shown', 'good', '--steps', '2', '--preview', '2')
    const [shown, last] = [await readFile(join(work, 'shown-preview.png')), await readFile(join(work, 'shown.png'))]
    expect(shown.equals(last)).toBe(true)
  })
  it('of a DDIMPipeline is DDIM, whatever its scheduler is called', async () => {
    const index = {
      _class_name: 'DDIMPipeline',
      unet: ['diffusers', 'UNet2DModel'],
      scheduler: ['diffusers', 'DDPMScheduler'],
    }
    await checkpoint(join(work, 'ddim'), { 'model_index.json': JSON.stringify(index) })
    const own = await drawn('own', 'ddim', '--steps', '2')
    expect(own.hex).toBe((await drawn('named', 'good', '--steps', '2', '--scheduler', 'ddim')).hex)
    expect(existsSync(join(work, 'own-preview.png'))).toBe(false)
  })
})

describe('inspect, explain and export', () => {
  it('list what a checkpoint has', async () => {
    const { code, stdout } = await diffold(work, ['inspect', sd])
    expect(code).toBe(0)
    for (const part of ['StableDiffusionPipeline', 'unet: UNet2DConditionModel', 'vae: AutoencoderKL', 'tokenizer: '])
      expect(stdout).toContain(part)
  })
  it.each([sd, sdxl])('write the UNet of %s as ONNX', async (source) => {
    expect(await diffold(work, ['export', source, '-o', 'text.onnx'])).toMatchObject({ code: 0, stderr: '' })
    const { inputNames } = await ort.InferenceSession.create(join(work, 'text.onnx'))
    expect(inputNames).toContain('0.encoderHiddenStates')
  })
  it.each([sd, sdxl])('show the guided step of %s', async (source) => {
    const { code, stdout, stderr } = await diffold(work, ['explain', source, '--adapter', 'gpu', '--stages'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^after trace$/m)
    expect(stdout).toMatch(/concat/) // both conditions in one batch
  })
})
