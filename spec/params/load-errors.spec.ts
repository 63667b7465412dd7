import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError, FileError } from '../../src/errors.ts'
import { load } from '../../src/params/load.ts'
import { DDPM } from '../../src/pipelines/unconditional.ts'
import { changed, failure, filesOf, json, parsed, weights, whole, type Contents } from './small-pipeline.ts'

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
    const config = parsed(whole['unet/config.json'])
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
    const files = filesOf({ [weights]: changed((tensors) => void tensors.delete('conv_in.bias')) })
    const ends: number[] = []
    const read: typeof files.read = (path, start, end) => () => {
      if (path === weights) ends.push(end)
      return files.read(path, start, end)()
    }
    expect(E.isLeft(await load(DDPM, { ...files, read })())).toBe(true)
    expect(ends).toHaveLength(2)
  })
})
