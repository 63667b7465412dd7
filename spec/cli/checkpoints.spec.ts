import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { checkpoint, diffold, expectComplaint, put, workFolder } from './diffold.ts'

const recorded = fileURLToPath(new URL('../reference/data/models/unet2d_ddpm/', import.meta.url))
const weights = 'unet/diffusion_pytorch_model.safetensors'
let work = ''
beforeAll(async () => {
  work = await workFolder()
  await put(join(work, 'plain.txt'), 'text')
  await put(join(work, 'empty/x'), '')
})
afterAll(() => rm(work, { recursive: true, force: true }))

describe.concurrent('what is no checkpoint is refused in one line', () => {
  it.each([
    ['draw', 'nowhere', ['nowhere', 'no folder']],
    ['inspect', './no/where', ['./no/where', 'no folder']],
    ['explain', 'plain.txt', ['plain.txt', 'no folder']],
    ['inspect', 'plain.txt', ['plain.txt', 'no folder']],
    ['draw', 'empty', ['model_index.json', 'empty']],
    ['inspect', 'empty', ['model_index.json', 'config.json', 'empty']],
    ['inspect', 'org/name', ['org/name', 'HF_HUB_OFFLINE']],
  ])('%s %s', async (command, source, names) => {
    expectComplaint(await diffold(work, [command, source]), ...names)
  })
})

describe.concurrent('what is wrong with a checkpoint is said in one line, with the file', () => {
  const config = async (changes: object): Promise<string> =>
    JSON.stringify({ ...(JSON.parse(await readFile(`${recorded}config.json`, 'utf8')) as object), ...changes })
  const bytes = (): Promise<Uint8Array> => readFile(`${recorded}diffusion_pytorch_model.safetensors`)
  it.each<
    readonly [string, readonly string[], () => Promise<Readonly<Record<string, string | Uint8Array | undefined>>>]
  >([
    ['index without end', ['model_index.json', 'no JSON'], async () => ({ 'model_index.json': '{"unet": [' })],
    ['index of several lines', ['model_index.json'], async () => ({ 'model_index.json': '{\n"a": 1\n\n"b"\n}' })],
    ['index that is a list', ['model_index.json'], async () => ({ 'model_index.json': '[]' })],
    [
      'index of a pipeline nobody knows',
      ['model_index.json: _class_name', 'FluxPipeline', 'DDPMPipeline', 'StableDiffusionXLPipeline'],
      async () => ({ 'model_index.json': '{"_class_name": "FluxPipeline"}' }),
    ],
    [
      'index of no pipeline',
      ['model_index.json: _class_name', 'DDPMPipeline'],
      async () => ({ 'model_index.json': '{}' }),
    ],
    ['config that is no JSON', ['unet/config.json', 'no JSON'], async () => ({ 'unet/config.json': 'down' })],
    [
      'config with a block nobody knows',
      ['unet/config.json', 'down_block_types', 'Sideways'],
      async () => ({ 'unet/config.json': await config({ down_block_types: ['Sideways', 'DownBlock2D'] }) }),
    ],
    [
      'scheduler with a schedule nobody knows',
      ['beta_schedule', 'zigzag', 'linear'],
      async () => ({ 'scheduler/scheduler_config.json': '{"beta_schedule": "zigzag"}' }),
    ],
    ['component that is not there', ['unet/config.json', 'not there'], async () => ({ 'unet/config.json': undefined })],
    ['weights that are not there', ['unet', 'no weights'], async () => ({ [weights]: undefined })],
    ['weights cut off', [weights, 'bytes'], async () => ({ [weights]: (await bytes()).slice(0, -9) })],
    ['weights cut off in the header', [weights, 'header'], async () => ({ [weights]: (await bytes()).slice(0, 99) })],
    ['weights that are none', [weights], async () => ({ [weights]: 'version https://git-lfs.github.com/spec/v1\n' })],
    [
      'weights of another model, some of them named',
      ['unet: ', 'problems', 'conv_in.weight', 'and', 'more'],
      async () => ({
        'unet/config.json': await config({ block_out_channels: [16, 32] }),
      }),
    ],
  ])('%s', async (name, names, changes) => {
    const folder = name.replaceAll(' ', '-')
    await checkpoint(join(work, folder), await changes())
    expectComplaint(await diffold(work, ['draw', folder, '--steps', '1']), ...names)
  })
})
