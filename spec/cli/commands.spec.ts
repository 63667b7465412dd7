import { decode } from 'fast-png'
import { existsSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as ort from 'onnxruntime-web'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkpoint, diffold, outcome, put, start, workFolder } from './diffold.ts'

let work = ''
beforeAll(async () => {
  work = await workFolder()
  await checkpoint(join(work, 'good'))
})
afterAll(() => rm(work, { recursive: true, force: true }))

const picture = async (path: string): Promise<readonly [number, number, number]> => {
  const { width, height, channels } = decode(await readFile(join(work, path)))
  return [width, height, channels]
}

describe('draw', () => {
  it('draws the cats that come with the package, unless told otherwise', async () => {
    const { code, stdout, stderr } = await diffold(work, ['draw', '--steps', '2'])
    expect([code, stdout]).toEqual([0, `${join(work, 'cat.png')}\n`])
    expect(stderr).toContain('drawing on WebAssembly')
    expect(stderr).toContain('2/2 steps')
    expect(await picture('cat.png')).toEqual([64, 64, 3])
  })
  it('prints nothing but where the picture is, when it is to be quiet', async () => {
    const path = 'not/there/yet.png'
    const args = [
      'draw',
      'good',
      '--steps',
      '2',
      '--scheduler',
      'ddim',
      '--eta',
      '0.5',
      '--count',
      '3',
      '-q',
      '-o',
      path,
    ]
    expect(await diffold(work, args)).toEqual({ code: 0, stdout: `${join(work, path)}\n`, stderr: '' })
    expect(await picture(path)).toEqual([expect.any(Number), expect.any(Number), 3])
  })
  it('draws the same picture from the same seed, on every backend, and another from another', async () => {
    const drawn = async (seed: string, backend: string): Promise<string> => {
      const path = `seed${seed}-${backend}.png`
      const args = ['draw', 'good', '--steps', '2', '--seed', seed, '--backend', backend, '-q', '-o', path]
      expect(await diffold(work, args)).toMatchObject({ code: 0, stderr: '' })
      return Buffer.from(decode(await readFile(join(work, path))).data).toString('hex')
    }
    const [one, again, other, signed] = await Promise.all([
      drawn('3', 'wasm'),
      drawn('3', 'host'),
      drawn('4', 'wasm'),
      drawn('-1', 'wasm'),
    ])
    expect(again).toBe(one)
    expect(new Set([one, other, signed]).size).toBe(3)
  })
})

describe('inspect', () => {
  it('lists components, configs, tensors and totals', async () => {
    const { code, stdout, stderr } = await diffold(work, ['inspect', 'good'])
    expect([code, stderr]).toEqual([0, ''])
    for (const part of [
      'good: DDPMPipeline',
      'unet: UNet2DModel',
      'scheduler: DDPMScheduler',
      '  num_train_timesteps: 1000',
      'conv_in.weight: f32[',
      'diffusion_pytorch_model.safetensors',
    ])
      expect(stdout).toContain(part)
    expect(stdout).toMatch(/in all: \d+ parameters, \d+\.\d MB\n$/)
  })
  it('gives a terminal nothing to obey', async () => {
    const config = JSON.stringify({ _class_name: 'DDPMScheduler', '\x1b[2J\x9b2J\rkey': 1 })
    await checkpoint(join(work, 'odd'), { 'scheduler/scheduler_config.json': config })
    const { code, stdout } = await diffold(work, ['inspect', 'odd'])
    expect([code, stdout.includes('\ufffd[2J\ufffd2J\ufffdkey: 1')]).toEqual([0, true])
    expect(stdout).toMatch(/^[\n\P{Cc}]+$/u)
    const { stderr } = await diffold(work, ['draw', 'odd', '--steps', '1'])
    expect(stderr).toContain('note: scheduler: config key \ufffd[2J')
  })
  it('gives the same as JSON', async () => {
    const { code, stdout } = await diffold(work, ['inspect', 'good', '--json'])
    const found = JSON.parse(stdout) as { readonly components: readonly { readonly name: string }[] }
    expect([code, found.components.map((c) => c.name)]).toEqual([0, ['unet', 'scheduler']])
  })
})

describe('explain', () => {
  it('prints what becomes of one step', async () => {
    const { code, stdout, stderr } = await diffold(work, ['explain', 'good'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^WebAssembly, .*thread/)
    for (const line of [
      /^trace +\d+ nodes/m,
      /^fuse +\d+ nodes → \d+ kernels/m,
      /^every run, \d+ kernels: /m,
      /kept; \d+ functions/,
    ])
      expect(stdout).toMatch(line)
    expect(stdout).not.toMatch(/^λ/m)
  })
  it('and more where it is asked for, for an adapter that is not there', async () => {
    const args = ['explain', 'good', '--adapter', 'gpu', '--stages', '--slots', '--code']
    const { stdout } = await diffold(work, args)
    for (const part of [/^WebGPU, as on gpu$/m, /^after trace$/m, /^λ/m, /^ +computes /m, /\(arena \+ \d+/, /@compute/])
      expect(stdout).toMatch(part)
  })
  it('needs no adapter for what becomes of it on WebGPU', async () => {
    const none = { VK_ICD_FILENAMES: join(work, 'none.json') }
    const { code, stdout } = await diffold(work, ['explain', 'good', '--backend', 'webgpu'], none)
    expect(code).toBe(0)
    expect(stdout).toMatch(process.platform === 'linux' ? /^WebGPU, as on gpu, for there is none: / : /^WebGPU/)
  })
  it('says what it can of a backend that does not compile', async () => {
    const { stdout } = await diffold(work, ['explain', 'good', '--backend', 'host'])
    expect(stdout).toMatch(/^host: the evaluator, float32\n\nλ/)
  })
})

describe('export', () => {
  it('writes a model that onnxruntime runs', async () => {
    const path = join(work, 'models/unet.onnx')
    expect(await diffold(work, ['export', 'good', '-o', 'models/unet.onnx'])).toEqual({
      code: 0,
      stdout: `${path}\n`,
      stderr: '',
    })
    const session = await ort.InferenceSession.create(path)
    expect([session.inputNames, session.outputNames]).toEqual([['0.sample', '0.timestep'], ['out']])
    await session.release()
  })
})

describe.skipIf(process.platform === 'win32')('a process that is not wanted any more', () => {
  it('stops at Ctrl-C while it draws: one line, exit code 130, no file', async () => {
    const child = start(work, ['draw', '--steps', '500', '-o', 'stopped.png'])
    const ended = outcome(child)
    child.stderr.on('data', (chunk: Buffer) => {
      if (!chunk.toString().includes('0/500 steps')) return
      child.kill('SIGINT')
      child.kill('SIGINT') // npm passes on what its child has had already
    })
    const { code, stdout, stderr } = await ended
    expect([code, stdout]).toEqual([130, ''])
    expect(stderr.match(/^diffold: .*$/gm)).toEqual(['diffold: stopped'])
    expect(stderr).toMatch(/diffold: stopped\n$/)
    expect(existsSync(join(work, 'stopped.png'))).toBe(false)
  })
  it('stops at Ctrl-C while it waits for a server', async () => {
    const { createServer } = await import('node:http')
    const server = createServer(() => child.kill('SIGINT')) // and never answers
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const child = start(work, ['draw', 'org/name', '-o', 'stopped.png'], {
      HF_ENDPOINT: `http://127.0.0.1:${port}`,
      HF_HUB_OFFLINE: '0',
      HF_HOME: join(work, 'hub'),
    })
    const said = await outcome(child)
    server.closeAllConnections()
    server.close()
    expect(said).toEqual({ code: 130, stdout: '', stderr: 'diffold: stopped\n' })
  })
  it('leaves without a word when nobody reads on', async () => {
    // Long enough that it does not fit a pipe.
    const tensors = Array.from({ length: 4000 }, (_, i) => [`key_${i}`, 'x'.repeat(100)])
    await checkpoint(join(work, 'long'), {
      'scheduler/scheduler_config.json': JSON.stringify({
        _class_name: 'DDPMScheduler',
        ...Object.fromEntries(tensors),
      }),
    })
    const child = start(work, ['inspect', 'long'])
    const ended = outcome(child)
    child.stdout.once('data', () => child.stdout.destroy())
    expect(await ended).toMatchObject({ code: 0, stderr: '' })
  })
})

it('nothing is left behind', async () => {
  await put(join(work, 'last'), '')
  expect((await readdir(work)).filter((name) => /temp|part|stopped/.test(name))).toEqual([])
})
