import { either as E } from 'fp-ts'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError, FileError, type LoadError } from '../../src/errors.ts'
import { UNet2DModel } from '../../src/models/unet2d.ts'
import { memory } from '../../src/params/files/memory.ts'
import { load, model, orThrow, type LoadOptions, type Notes } from '../../src/params/load.ts'
import { DDPM } from '../../src/pipelines/unconditional.ts'
import { written } from './written.ts'

type Contents = Readonly<Record<string, Uint8Array | undefined>>
type Header = { dtype: string; shape: readonly number[]; data_offsets: readonly [number, number] }
type Tensors = ReadonlyMap<string, { readonly header: Header; readonly data: Uint8Array }>

const recorded = (path: string): Promise<Uint8Array> =>
  readFile(fileURLToPath(new URL(`../reference/data/models/${path}`, import.meta.url)))
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const weights = 'unet/diffusion_pytorch_model.safetensors'
const classes = {
  _class_name: 'DDPMPipeline',
  unet: ['diffusers', 'UNet2DModel'],
  scheduler: ['diffusers', 'DDPMScheduler'],
}

let whole: Record<string, Uint8Array> = {}
beforeAll(async () => {
  whole = {
    'model_index.json': json(classes),
    'scheduler/scheduler_config.json': json({ _class_name: 'DDPMScheduler', beta_end: 0.03 }),
    'unet/config.json': await recorded('unet2d_ddpm/config.json'),
    [weights]: await recorded('unet2d_ddpm/diffusion_pytorch_model.safetensors'),
  }
})

const parsed = (file: Uint8Array): Tensors => {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<string, Header>
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__')
  return new Map(
    entries.map(([name, h]) => [
      name,
      { header: h, data: file.subarray(...h.data_offsets.map((o) => 8 + length + o)) },
    ]),
  )
}
const printed = (tensors: Tensors): Uint8Array => {
  const header: (readonly [string, Header])[] = []
  let at = 0
  for (const [name, { header: h, data }] of tensors) {
    header.push([name, { ...h, data_offsets: [at, at + data.length] }])
    at += data.length
  }
  return written(Object.fromEntries(header), new Uint8Array(Buffer.concat([...tensors.values()].map((t) => t.data))))
}
/** The recorded weights, with something done to them. */
const changed = (change: (tensors: Map<string, Tensors extends ReadonlyMap<string, infer T> ? T : never>) => void) => {
  const tensors = new Map(parsed(whole[weights]!))
  change(tensors)
  return printed(tensors)
}

const filesOf = (changes: Contents) =>
  memory(
    'm',
    Object.fromEntries(
      Object.entries({ ...whole, ...changes }).flatMap(([k, v]) => (v === undefined ? [] : [[k, v] as const])),
    ),
  )
const failure = async (changes: Contents, options: LoadOptions = {}): Promise<LoadError> => {
  const result = await load(DDPM, filesOf(changes), options)()
  if (E.isRight(result)) throw new Error('was expected to fail')
  return result.left
}
const notesOf = async (changes: Contents): Promise<Notes> => {
  const noted: Notes[] = []
  await orThrow(load(DDPM, filesOf(changes), { onNotes: (notes) => noted.push(notes) }))
  return noted.flat()
}

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
      'unet/config.json': await recorded(`${name}/config.json`),
      [weights]: await recorded(`${name}/diffusion_pytorch_model.safetensors`),
    }
    const { unet } = await orThrow(load(DDPM, filesOf(changes)))
    expect(unet.params.conv_in.weight.dtype).toBe(dtype)
  })
  it('may be a .bin', async () => {
    const changes = {
      'unet/config.json': await recorded('unet2d_bin/config.json'),
      [weights]: undefined,
      'unet/diffusion_pytorch_model.bin': await recorded('unet2d_bin/diffusion_pytorch_model.bin'),
    }
    expect((await orThrow(load(DDPM, filesOf(changes)))).unet.params.conv_in.weight.shape).toEqual([4, 3, 3, 3])
  })
  it('may have everything in the root', async () => {
    const files = memory('m', {
      'model_index.json': whole['model_index.json']!,
      'scheduler_config.json': whole['scheduler/scheduler_config.json']!,
      'config.json': whole['unet/config.json']!,
      'diffusion_pytorch_model.safetensors': whole[weights]!,
    })
    expect((await orThrow(load(DDPM, files))).scheduler).toMatchObject({ beta_end: 0.03 })
    const { params } = (await orThrow(model(UNet2DModel).read({ files, name: 'unet' }))).value
    expect(params.conv_in.weight.shape).toEqual([8, 3, 3, 3])
  })
  it('may name its attention as it was named in 2022', async () => {
    const old: Readonly<Record<string, string>> = { to_q: 'query', to_k: 'key', to_v: 'value', 'to_out.0': 'proj_attn' }
    const renamed = new Map(
      [...parsed(whole[weights]!)].map(([name, t]) => [
        name.replace(/(to_[qkv]|to_out\.0)\.(?=weight|bias)/, (_, now: string) => `${old[now]}.`),
        t,
      ]),
    )
    expect([...renamed.keys()]).toContain('mid_block.attentions.0.proj_attn.bias')
    expect(await notesOf({ [weights]: printed(renamed) })).toEqual([])
    renamed.delete('mid_block.attentions.0.key.bias')
    const key = renamed.get('mid_block.attentions.0.query.bias')!
    renamed.set('mid_block.attentions.0.query.bias', { ...key, header: { ...key.header, shape: [1, 16] } })
    const error = await failure({ [weights]: printed(renamed) })
    expect(error).toMatchObject({
      problems: [
        'mid_block.attentions.0.query.bias: f32[1,16] in the checkpoint, expected f32[16]',
        'mid_block.attentions.0.to_k.bias: missing, expected f32[16]',
      ],
    })
  })
  it('may have a variant', async () => {
    const changes = {
      'unet/diffusion_pytorch_model.fp16.safetensors': await recorded('unet2d_f16/diffusion_pytorch_model.safetensors'),
      'unet/config.json': await recorded('unet2d_f16/config.json'),
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
    const config = JSON.parse(new TextDecoder().decode(whole['unet/config.json'])) as object
    const changes = {
      'model_index.json': json({ ...classes, vqvae: ['diffusers', 'VQModel'], requires_safety_checker: false }),
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

describe('what is wrong', () => {
  it.each(['./nowhere', 'nowhere', '/no/where', 'a/b/c', '', '~/x'])('is that there is no %j', async (source) => {
    const result = await load(DDPM, source)()
    expect(result).toMatchObject(E.left({ _tag: 'FileError', path: source, problem: 'missing' }))
  })
  it.each<readonly [string, Contents, string, string]>([
    ['no index', { 'model_index.json': undefined }, 'missing', 'model_index.json'],
    ['an index that is no JSON', { 'model_index.json': Buffer.from('{') }, 'corrupt', 'model_index.json'],
    ['an index that is a list', { 'model_index.json': json([]) }, 'corrupt', 'model_index.json'],
    ['an index that is no text', { 'model_index.json': Uint8Array.of(0xff) }, 'corrupt', 'model_index.json'],
    ['no config', { 'unet/config.json': undefined }, 'missing', 'unet/config.json'],
    ['a config that is a number', { 'unet/config.json': json(1) }, 'corrupt', 'unet/config.json'],
    [
      'a config that has a key twice',
      { 'unet/config.json': Buffer.from('{"a":1,"a":2}') },
      'corrupt',
      'unet/config.json',
    ],
    ['a config without end', { 'unet/config.json': Buffer.from('{"a":'.repeat(1e5)) }, 'corrupt', 'unet/config.json'],
    ['no scheduler', { 'scheduler/scheduler_config.json': undefined }, 'missing', 'scheduler/scheduler_config.json'],
    [
      'a scheduler that is null',
      { 'scheduler/scheduler_config.json': json(null) },
      'corrupt',
      'scheduler/scheduler_config',
    ],
    ['no weights', { [weights]: undefined }, 'missing', weights],
    ['weights that are none', { [weights]: Buffer.from('<!doctype html>') }, 'corrupt', weights],
  ])('is %s', async (_, changes, problem, names) => {
    const error = await failure(changes)
    expect(error).toBeInstanceOf(FileError)
    expect(error).toMatchObject({ problem })
    expect(error.message).toContain(names)
  })
  it.each<readonly [string, object, string, readonly string[]]>([
    [
      'a block nobody knows',
      { down_block_types: ['Down', 'Up'] },
      'unet/config.json: down_block_types.0',
      ['DownBlock2D'],
    ],
    ['a number that is a text', { in_channels: '3' }, 'unet/config.json: in_channels', []],
    ['another class', { _class_name: 'VQModel' }, 'unet/config.json: _class_name', ['UNet2DModel']],
  ])('is %s, with what is allowed', async (_, changes, field, allowed) => {
    const config = JSON.parse(new TextDecoder().decode(whole['unet/config.json'])) as object
    const error = await failure({ 'unet/config.json': json({ ...config, ...changes }) })
    expect(error).toBeInstanceOf(ConfigError)
    expect(error).toMatchObject({ field, allowed: expect.arrayContaining([...allowed]) })
  })
  it('is every tensor that is missing, mis-shaped or unexpected, in one report', async () => {
    const error = await failure({
      [weights]: changed((tensors) => {
        const [a, b] = [tensors.get('conv_in.weight')!, tensors.get('conv_out.bias')!]
        tensors.delete('time_embedding.linear_1.weight')
        tensors.delete('mid_block.resnets.1.norm2.bias')
        tensors.set('conv_in.weight', { ...a, header: { ...a.header, shape: [8, 27] } })
        tensors.set('another', b)
        tensors.set('__proto__', b)
      }),
    })
    expect(error).toBeInstanceOf(CheckpointError)
    const { component, problems } = error as CheckpointError
    expect(component).toBe('unet')
    expect([...problems].toSorted()).toEqual([
      '__proto__: unexpected, f32[3]',
      'another: unexpected, f32[3]',
      'conv_in.weight: f32[8,27] in the checkpoint, expected f32[8,3,3,3]',
      'mid_block.resnets.1.norm2.bias: missing, expected f32[16]',
      'time_embedding.linear_1.weight: missing, expected f32[32,8]',
    ])
    for (const problem of problems) expect(error.message).toContain(problem)
  })
  it('is found before a tensor is read', async () => {
    const files = filesOf({ [weights]: changed((tensors) => tensors.delete('conv_in.bias')) })
    const ends: number[] = []
    const read: typeof files.read = (path, start, end) => () => {
      if (path === weights) ends.push(end)
      return files.read(path, start, end)()
    }
    expect(E.isLeft(await load(DDPM, { ...files, read })())).toBe(true)
    expect(ends).toHaveLength(2)
  })
})

describe('shards', () => {
  const sharded = async (index: (original: { weight_map: Record<string, string> }) => object, without?: string) => {
    const base = 'unet2d_sharded'
    const name = 'diffusion_pytorch_model.safetensors.index.json'
    const original = JSON.parse((await recorded(`${base}/${name}`)).toString()) as {
      weight_map: Record<string, string>
    }
    const files = [...new Set(Object.values(original.weight_map))].filter((f) => f !== without)
    const shards = await Promise.all(files.map(async (f) => [`unet/${f}`, await recorded(`${base}/${f}`)] as const))
    return {
      [weights]: undefined,
      'unet/config.json': await recorded(`${base}/config.json`),
      [`unet/${name}`]: json(index(original)),
      ...Object.fromEntries(shards),
    }
  }
  const second = 'diffusion_pytorch_model-00002-of-00003.safetensors'
  it('are read as one', async () => {
    expect(await notesOf(await sharded((i) => i))).toEqual([])
  })
  it('may have a total that is wrong, as Python lets it be', async () => {
    expect(await notesOf(await sharded((i) => ({ ...i, metadata: { total_size: 1 } })))).toEqual([])
  })
  it('that are not there are named', async () => {
    const error = await failure(await sharded((i) => i, second))
    expect(error).toMatchObject({ problem: 'missing' })
    expect(error.message).toContain(second)
  })
  it('that have not what the index says are named', async () => {
    const error = await failure(await sharded((i) => ({ weight_map: { ...i.weight_map, 'no.such': second } })))
    expect(error).toMatchObject({ problem: 'corrupt' })
    for (const says of ['no.such', second]) expect(error.message).toContain(says)
  })
})
