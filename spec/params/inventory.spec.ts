import { fileURLToPath } from 'node:url'
import { describe, expect, it, test } from 'vitest'
import { folder } from '../../src/params/files/folder.ts'
import { memory } from '../../src/params/files/memory.ts'
import { inventory } from '../../src/params/inventory.ts'
import { left, right, small } from './written.ts'

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

test('a recorded model by itself', async () => {
  const found = await right(inventory(`${recordings}/unet2d_sharded`))
  expect(found).toMatchObject({ className: 'UNet2DModel', bytes: 47068, parameters: 47068 / 4 })
  const [component, ...rest] = found.components
  expect(rest).toEqual([])
  expect(component).toMatchObject({ name: 'model', className: 'UNet2DModel', bytes: 47068, parameters: 47068 / 4 })
  expect(component!.note).toBeUndefined()
  expect(component!.files).toHaveLength(3)
  expect(component!.config['_class_name']).toBe('UNet2DModel')
  expect(component!.tensors.find((t) => t.name === 'conv_in.bias')).toMatchObject({ dtype: 'f32', shape: [4] })
})

const config = { _class_name: 'UNet2DModel', sample_size: 8 }
const pipeline = {
  _class_name: 'StableDiffusionPipeline',
  _diffusers_version: '0.42.1',
  requires_safety_checker: true,
  text_encoder: ['transformers', 'CLIPTextModel'],
  tokenizer: ['transformers', 'CLIPTokenizer'],
  feature_extractor: ['transformers', 'CLIPImageProcessor'],
  safety_checker: [null, null],
  scheduler: ['diffusers', 'DDIMScheduler'],
  unet: ['diffusers', 'UNet2DModel'],
  vae: ['diffusers', 'AutoencoderKL'],
}
const whole = {
  'model_index.json': json(pipeline),
  'text_encoder/config.json': json({ architectures: ['CLIPTextModel'] }),
  'text_encoder/model.safetensors': small('t'),
  'tokenizer/tokenizer_config.json': json({ model_max_length: 77 }),
  'feature_extractor/preprocessor_config.json': json({ size: 224 }),
  'scheduler/scheduler_config.json': json({ _class_name: 'DDIMScheduler' }),
  'unet/config.json': json(config),
  'unet/diffusion_pytorch_model.safetensors': small('a', 'b'),
  'unet/diffusion_pytorch_model.fp16.safetensors': small('half'),
}

describe('a pipeline', () => {
  it('is listed component by component', async () => {
    const found = await right(inventory(memory('m', whole)))
    expect(found).toMatchObject({ source: 'm', className: 'StableDiffusionPipeline', parameters: 6, bytes: 24 })
    const none = { tensors: [], parameters: 0, bytes: 0, files: [] }
    expect(found.components).toEqual([
      {
        name: 'text_encoder',
        className: 'CLIPTextModel',
        config: { architectures: ['CLIPTextModel'] },
        tensors: [{ name: 't', dtype: 'f32', shape: [2] }],
        parameters: 2,
        bytes: 8,
        files: ['text_encoder/model.safetensors'],
      },
      { name: 'tokenizer', className: 'CLIPTokenizer', config: { model_max_length: 77 }, ...none },
      { name: 'feature_extractor', className: 'CLIPImageProcessor', config: { size: 224 }, ...none },
      { name: 'safety_checker', className: 'none', note: 'null in model_index.json', config: {}, ...none },
      { name: 'scheduler', className: 'DDIMScheduler', config: { _class_name: 'DDIMScheduler' }, ...none },
      {
        name: 'unet',
        className: 'UNet2DModel',
        config,
        tensors: ['a', 'b'].map((name) => ({ name, dtype: 'f32', shape: [2] })),
        parameters: 4,
        bytes: 16,
        files: ['unet/diffusion_pytorch_model.safetensors'],
      },
      { name: 'vae', className: 'AutoencoderKL', note: 'there is no vae/config.json', config: {}, ...none },
    ])
  })
  it('is read without its tensors', async () => {
    const files = memory('m', whole)
    const ends: number[] = []
    const spied = {
      ...files,
      read: (path: string, start: number, end: number) => () => {
        ends.push(end)
        return files.read(path, start, end)()
      },
    }
    await right(inventory(spied))
    expect(Math.max(...ends)).toBe(whole['unet/diffusion_pytorch_model.safetensors'].length - 16)
  })
  it('has variants, and says where it has not', async () => {
    const { components } = await right(inventory(memory('m', whole), { variant: 'fp16' }))
    const [encoder, unet] = ['text_encoder', 'unet'].map((name) => components.find((c) => c.name === name)!)
    expect(unet).toMatchObject({ files: ['unet/diffusion_pytorch_model.fp16.safetensors'], parameters: 2 })
    expect(unet!.note).toBeUndefined()
    expect(encoder!.tensors).toEqual([])
    expect(encoder!.note).toContain('text_encoder/model.safetensors')
  })
  it('may have everything in the root, as the first ones had', async () => {
    const legacy = {
      'model_index.json': json({
        _class_name: 'DDPMPipeline',
        scheduler: ['diffusers', 'DDPMScheduler'],
        unet: ['diffusers', 'UNet2DModel'],
        vqvae: ['diffusers', 'VQModel'],
      }),
      'config.json': json(config),
      'diffusion_pytorch_model.safetensors': small('a'),
      'scheduler_config.json': json({ _class_name: 'DDPMScheduler', beta_end: 0.02 }),
    }
    const { components } = await right(inventory(memory('m', legacy)))
    expect(components).toMatchObject([
      { name: 'scheduler', note: 'in the root', config: { beta_end: 0.02 }, files: [] },
      { name: 'unet', note: 'in the root', config, files: ['diffusion_pytorch_model.safetensors'], parameters: 2 },
      { name: 'vqvae', note: 'there is no vqvae/config.json', files: [] },
    ])
  })
  it('of somebody’s own code has the name of its class', async () => {
    const files = memory('m', { 'model_index.json': json({ _class_name: ['pipeline', 'Mine'] }) })
    expect(await right(inventory(files))).toMatchObject({ className: 'Mine', components: [] })
  })
})

describe('what is wrong with a checkpoint', () => {
  const wrong = (more: Readonly<Record<string, Uint8Array>>) => left(inventory(memory('m', { ...whole, ...more })))
  it('is said', async () => {
    const text = (t: string): Uint8Array => new TextEncoder().encode(t)
    expect(await wrong({ 'model_index.json': text('[]') })).toMatchObject({ path: 'model_index.json' })
    expect(await wrong({ 'unet/config.json': text('{') })).toMatchObject({
      path: 'unet/config.json',
      problem: 'corrupt',
    })
    const unet = 'unet/diffusion_pytorch_model.safetensors'
    expect(await wrong({ [unet]: small('a').slice(1) })).toMatchObject({ path: unet, problem: 'corrupt' })
    const away = json({ '../x': ['diffusers', 'UNet2DModel'] })
    expect(await wrong({ 'model_index.json': away })).toMatchObject({ problem: 'escapes' })
  })
  it('is that there is none', async () => {
    expect(await left(inventory(memory('m', {})))).toMatchObject({ problem: 'missing' })
    expect(await left(inventory(folder(recordings)))).toMatchObject({ problem: 'missing' })
    expect(await left(inventory('./nowhere'))).toMatchObject({ problem: 'missing' })
  })
})
