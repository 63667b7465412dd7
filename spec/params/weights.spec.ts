import fc from 'fast-check'
import { either as E } from 'fp-ts'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, test, vi } from 'vitest'
import { FileError } from '../../src/errors.ts'
import type { Files } from '../../src/params/files/files.ts'
import { folder } from '../../src/params/files/folder.ts'
import { memory } from '../../src/params/files/memory.ts'
import { weights } from '../../src/params/weights.ts'
import { readRecording } from '../reference/safetensors.ts'
import { left, right, small } from './written.ts'

// Which file is chosen is the matter here, not what is in a .bin: they are written as safetensors, and read as such.
vi.mock('../../src/params/torch-zip.ts', async () => ({
  torchZip: (await import('../../src/params/safetensors.ts')).safetensors,
}))

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const index = (map: unknown): Uint8Array => json({ metadata: { total_size: 1 }, weight_map: map })
const base = 'diffusion_pytorch_model'

test('recorded shards, as an independent reader has them', async () => {
  const at = join(recordings, 'unet2d_sharded')
  const found = await right(weights(folder(at), ''))
  const shards = [1, 2, 3].map((n) => `${base}-0000${n}-of-00003.safetensors`)
  expect(found.files.toSorted()).toEqual(shards)
  const want = new Map((await Promise.all(shards.map((s) => readRecording(join(at, s))))).flatMap((m) => [...m]))
  expect([...found.entries.keys()].toSorted()).toEqual([...want.keys()].toSorted())
  for (const [name, entry] of found.entries) expect(await right(entry.read)).toEqual(want.get(name)!.values)
  const nested = weights(folder(recordings), 'unet2d_sharded')
  expect((await right(nested)).files).toEqual(found.files.map((f) => `unet2d_sharded/${f}`))
})

describe('the files chosen', () => {
  const all: Readonly<Record<string, Uint8Array>> = {
    [`${base}.safetensors`]: small('a'),
    [`${base}.safetensors.index.json`]: index({ a: `${base}-1.safetensors` }),
    [`${base}-1.safetensors`]: small('a'),
    'model.safetensors': small('b'),
    'model.safetensors.index.json': index({ a: 'model-1.safetensors' }),
    'model-1.safetensors': small('a'),
    'pytorch_model.safetensors': small('b'),
    [`${base}.bin`]: small('a'),
    [`${base}.bin.index.json`]: index({ a: `${base}-1.bin` }),
    [`${base}-1.bin`]: small('a'),
    'model.bin': small('b'),
    'pytorch_model.bin': small('c'),
    'pytorch_model.bin.index.json': index({ a: 'pytorch_model-1.bin' }),
    'pytorch_model-1.bin': small('a'),
  }
  it.each(['', 'unet', 'a/b'])('are the first of those that are there, in folder %j', async (at) => {
    const within = (name: string): string => (at === '' ? name : `${at}/${name}`)
    const order = Object.keys(all).filter((name) => !name.includes('-1.'))
    for (const [i, first] of order.entries()) {
      const there = Object.keys(all).filter((name) => name.includes('-1.') || order.indexOf(name) >= i)
      const files = memory('m', Object.fromEntries(there.map((name) => [within(name), all[name]!])))
      const chosen = first.replace(/\.(safetensors|bin)\.index\.json$/, '-1.$1')
      expect((await right(weights(files, at))).files).toEqual([within(chosen)])
    }
  })
  it.each([
    [`${base}.fp16.safetensors`, undefined],
    ['model.fp16.safetensors', undefined],
    [`${base}.safetensors.index.fp16.json`, `${base}.fp16-00001-of-00002.safetensors`],
    [`${base}.fp16.safetensors.index.json`, `${base}-00001-of-00002.fp16.safetensors`],
    ['model.safetensors.index.fp16.json', 'model.fp16-00001-of-00001.safetensors'],
    [`${base}.fp16.bin`, undefined],
    ['pytorch_model.bin.index.fp16.json', 'pytorch_model.fp16-00001-of-00002.bin'],
  ])('for a variant: %s', async (name, shard) => {
    const variant: Record<string, Uint8Array> =
      shard === undefined ? { [name]: small('v') } : { [name]: index({ v: shard }), [shard]: small('v') }
    const found = await right(weights(memory('m', { ...all, ...variant }), '', { variant: 'fp16' }))
    expect([found.files, [...found.entries.keys()]]).toEqual([[shard ?? name], ['v']])
  })
})

describe('what is not there is named', () => {
  const message = async (files: Files, options: { readonly variant?: string }): Promise<string> => {
    const error = await left(weights(files, 'unet', options))
    expect(error.problem).toBe('missing')
    return error.message
  }
  it('with what was looked for, where nothing is', async () => {
    const said = await message(memory('m', { 'unet/other.safetensors': small('a') }), {})
    for (const name of [`unet/${base}.safetensors`, 'unet/model.safetensors.index.json', 'unet/pytorch_model.bin'])
      expect(said).toContain(name)
    expect(await message(memory('m', {}), { variant: 'fp16' })).toContain(`unet/${base}.fp16.safetensors`)
  })
  it('with what is there instead of a variant', async () => {
    const files = memory('m', { [`unet/${base}.safetensors`]: small('a'), 'unet/model.bf16.safetensors': small('a') })
    const said = await message(files, { variant: 'fp16' })
    for (const name of ['variant fp16', `unet/${base}.safetensors`, 'unet/model.bf16.safetensors'])
      expect(said).toContain(name)
  })
  it('with the variants, where there are only those', async () => {
    const said = await message(memory('m', { [`unet/${base}.fp16.safetensors`]: small('a') }), {})
    expect(said).toContain(`unet/${base}.fp16.safetensors`)
  })
})

describe('an index', () => {
  const name = `${base}.safetensors.index.json`
  const shards = { 'x.safetensors': small('a', 'b'), 'y.safetensors': small('c') }
  const open = (map: unknown, more: Readonly<Record<string, Uint8Array>> = {}): ReturnType<typeof weights> =>
    weights(memory('m', { [name]: index(map), ...shards, ...more }), '')

  it.each([
    ['a shard that is not there', { a: 'x.safetensors', d: 'gone.safetensors' }, 'missing', 'gone.safetensors'],
    ['a shard outside', { a: '../x.safetensors' }, 'escapes', '../x.safetensors'],
    ['a shard anywhere', { a: '/etc/passwd' }, 'escapes', '/etc/passwd'],
    ['a shard without a name', { a: '' }, 'escapes', ''],
    ['a tensor that is not in its shard', { a: 'x.safetensors', b: 'y.safetensors' }, 'corrupt', ': b'],
    ['no tensors', {}, 'corrupt', 'weight_map'],
    ['no map', undefined, 'corrupt', 'weight_map'],
    ['a list', ['x.safetensors'], 'corrupt', 'weight_map'],
    ['a shard that is no name', { a: 1 }, 'corrupt', 'weight_map'],
  ])('naming %s is refused', async (_, map, problem, says) => {
    const error = await left(open(map))
    expect(error.problem).toBe(problem)
    expect(error.message).toContain(says)
    expect(error.message).toContain(name)
  })
  it('naming shards that hold the same tensor is refused', async () => {
    const error = await left(open({ c: 'y.safetensors', d: 'z.safetensors' }, { 'z.safetensors': small('d', 'c') }))
    expect(error).toMatchObject({ path: name, problem: 'corrupt' })
    for (const says of ['y.safetensors', 'z.safetensors', ' c']) expect(error.message).toContain(says)
  })
  it('naming a tensor twice is refused', async () => {
    const text = '{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}'
    const files = memory('m', { [name]: new TextEncoder().encode(text), ...shards })
    expect(await left(weights(files, ''))).toMatchObject({ path: name, problem: 'corrupt' })
  })
  it('naming a broken shard is refused, with the shard’s name', async () => {
    const error = await left(open({ a: 'x.safetensors', d: 'z.safetensors' }, { 'z.safetensors': new Uint8Array(3) }))
    expect(error).toMatchObject({ path: 'z.safetensors', problem: 'corrupt' })
  })
  it('need not name every tensor of a shard', async () => {
    expect([...(await right(open({ a: 'x.safetensors' }))).entries.keys()]).toEqual(['a', 'b'])
  })
  it('may be anything, and is never thrown over', async () => {
    const shard = fc.oneof(fc.constantFrom('x.safetensors', 'y.safetensors'), fc.string(), fc.jsonValue())
    const map = fc.oneof(fc.dictionary(fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.string()), shard), fc.jsonValue())
    const content = fc.oneof(map.map(index), fc.jsonValue().map(json), fc.uint8Array())
    await fc.assert(
      fc.asyncProperty(content, fc.option(fc.string(), { nil: undefined }), async (bytes, variant) => {
        const at = variant === undefined ? name : `${base}.safetensors.index.${variant}.json`
        const files = memory('m', { ...shards, [at]: bytes })
        const got = await weights(files, '', variant === undefined ? {} : { variant })()
        if (E.isLeft(got)) expect(got.left).toBeInstanceOf(FileError)
        else expect(got.right.entries.size).toBeGreaterThan(0)
      }),
      { numRuns: 1000 },
    )
  })
})
