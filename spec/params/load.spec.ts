import { describe, expect, it } from 'vitest'
import { UNet2DModel } from '../../src/models/unet2d.ts'
import { memory } from '../../src/params/files/memory.ts'
import { load, model, orThrow } from '../../src/params/load.ts'
import { DDPM } from '../../src/pipelines/unconditional.ts'
import {
  changed,
  failure,
  filesOf,
  index,
  json,
  notesOf,
  parsed,
  recorded,
  weights,
  whole,
  type Contents,
} from './small-pipeline.ts'

describe('a checkpoint', () => {
  it('is its components', async () => {
    const progress: string[] = []
    const { unet, scheduler } = await orThrow(
      load(DDPM, filesOf({}), {
        onProgress: ({ component, done, total }) => progress.push(`${component} ${done}/${total}`),
      }),
    )
    expect(scheduler).toMatchObject({ beta_end: 0.03 })
    expect(unet.config).toMatchObject({ in_channels: 3, layers_per_block: 1 })
    expect(unet.params.conv_in.weight).toMatchObject({ shape: [8, 3, 3, 3], dtype: 'f32' })
    expect([progress[0], progress.at(-1)]).toEqual(['unet 1/144', 'unet 144/144'])
    expect(await notesOf({})).toEqual([])
  })
  it.each([
    ['unet2d_f16', 'f16'],
    ['unet2d_bf16', 'bf16'],
  ])('keeps the element type of its weights: %s', async (name, dtype) => {
    const changes = {
      'unet/config.json': recorded(`${name}/config.json`),
      [weights]: recorded(`${name}/diffusion_pytorch_model.safetensors`),
    }
    const { unet } = await orThrow(load(DDPM, filesOf(changes)))
    expect(unet.params.conv_in.weight.dtype).toBe(dtype)
  })
  it('may be a .bin', async () => {
    const changes = {
      'unet/config.json': recorded('unet2d_bin/config.json'),
      [weights]: undefined,
      'unet/diffusion_pytorch_model.bin': recorded('unet2d_bin/diffusion_pytorch_model.bin'),
    }
    expect((await orThrow(load(DDPM, filesOf(changes)))).unet.params.conv_in.weight.shape).toEqual([4, 3, 3, 3])
  })
  it('may have everything in the root', async () => {
    const files = memory('m', {
      'model_index.json': whole['model_index.json'],
      'scheduler_config.json': whole['scheduler/scheduler_config.json']!,
      'config.json': whole['unet/config.json'],
      'diffusion_pytorch_model.safetensors': whole[weights]!,
    })
    expect((await orThrow(load(DDPM, files))).scheduler).toMatchObject({ beta_end: 0.03 })
    const { params } = (await orThrow(model(UNet2DModel).read({ files, name: 'unet' }))).value
    expect(params.conv_in.weight.shape).toEqual([8, 3, 3, 3])
  })
  it('may name its attention as it was named in 2022', async () => {
    const old: Readonly<Record<string, string>> = { to_q: 'query', to_k: 'key', to_v: 'value', 'to_out.0': 'proj_attn' }
    const renamed = changed((tensors) =>
      [...tensors].map(([name, t]) => [
        name.replace(/(to_[qkv]|to_out\.0)\.(?=weight|bias)/, (_, now: string) => `${old[now]}.`),
        t,
      ]),
    )
    expect(new TextDecoder().decode(renamed)).toContain('"mid_block.attentions.0.proj_attn.bias"')
    expect(await notesOf({ [weights]: renamed })).toEqual([])
  })
  it('is told of under those names', async () => {
    const error = await failure({
      [weights]: changed((tensors) =>
        [...tensors].flatMap(([name, t]) => {
          if (name === 'mid_block.attentions.0.to_k.bias') return []
          if (name !== 'mid_block.attentions.0.to_q.bias') return [[name, t] as const]
          return [[name.replace('to_q', 'query'), { ...t, header: { ...t.header, shape: [1, 16] } }] as const]
        }),
      ),
    })
    expect(error).toMatchObject({
      problems: [
        'mid_block.attentions.0.query.bias: f32[1,16] in the checkpoint, expected f32[16]',
        'mid_block.attentions.0.to_k.bias: missing, expected f32[16]',
      ],
    })
  })
  it('may have a variant', async () => {
    const changes = {
      'unet/diffusion_pytorch_model.fp16.safetensors': recorded('unet2d_f16/diffusion_pytorch_model.safetensors'),
      'unet/config.json': recorded('unet2d_f16/config.json'),
    }
    const { unet } = await orThrow(load(DDPM, filesOf(changes), { variant: 'fp16' }))
    expect(unet.params.conv_in.weight.dtype).toBe('f16')
    const error = await failure(changes, { variant: 'bf16' })
    expect(error).toMatchObject({ problem: 'missing' })
    for (const says of ['variant bf16', weights, 'fp16.safetensors']) expect(error.message).toContain(says)
  })
})

describe('what is noticed', () => {
  it('is config keys nobody knows, which are kept, tensors nobody wants, and components not asked for', async () => {
    const config = parsed(whole['unet/config.json'])
    const changes = {
      'model_index.json': json({ ...index, vqvae: ['diffusers', 'VQModel'], requires_safety_checker: false }),
      'unet/config.json': json({ ...config, colour: 'blue' }),
      'scheduler/scheduler_config.json': json({ _class_name: 'DDPMScheduler', sparkle: 1 }),
      [weights]: changed((tensors) => tensors.set('ema.decay', tensors.get('conv_out.bias')!)),
    }
    const notes = await notesOf(changes)
    expect(notes).toHaveLength(4)
    for (const says of [
      /^vqvae: /,
      /^unet: .*colour/,
      /^unet: ema\.decay: unexpected, f32\[3\]/,
      /^scheduler: .*sparkle/,
    ])
      expect(notes.filter((n) => says.test(n))).toHaveLength(1)
    const { scheduler } = await orThrow(load(DDPM, filesOf(changes)))
    expect(scheduler).toMatchObject({ sparkle: 1 })
  })
})

describe('shards', () => {
  type Index = { readonly weight_map: Readonly<Record<string, string>> }
  const sharded = (change: (original: Index) => object, without?: string): Contents => {
    const base = 'unet2d_sharded'
    const name = 'diffusion_pytorch_model.safetensors.index.json'
    const original = parsed(recorded(`${base}/${name}`)) as Index
    const files = [...new Set(Object.values(original.weight_map))].filter((f) => f !== without)
    const shards = files.map((f) => [`unet/${f}`, recorded(`${base}/${f}`)] as const)
    return {
      [weights]: undefined,
      'unet/config.json': recorded(`${base}/config.json`),
      [`unet/${name}`]: json(change(original)),
      ...Object.fromEntries(shards),
    }
  }
  const second = 'diffusion_pytorch_model-00002-of-00003.safetensors'
  it('are read as one', async () => {
    expect(await notesOf(sharded((i) => i))).toEqual([])
  })
  it('may have a total that is wrong, as Python lets it be', async () => {
    expect(await notesOf(sharded((i) => ({ ...i, metadata: { total_size: 1 } })))).toEqual([])
  })
  it('that are not there are named', async () => {
    const error = await failure(sharded((i) => i, second))
    expect(error).toMatchObject({ problem: 'missing' })
    expect(error.message).toContain(second)
  })
  it('that have not what the index says are named', async () => {
    const error = await failure(sharded((i) => ({ weight_map: { ...i.weight_map, 'no.such': second } })))
    expect(error).toMatchObject({ problem: 'corrupt' })
    for (const says of ['no.such', second]) expect(error.message).toContain(says)
  })
})
