import { readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkpoint, diffold, expectComplaint, put, workFolder } from './diffold.ts'

/** A checkpoint that draws from texts. */
const texts = fileURLToPath(new URL('../reference/data/pipelines/sd', import.meta.url))
const manifest = fileURLToPath(new URL('../../package.json', import.meta.url))
let work = ''
beforeAll(async () => {
  work = await workFolder()
  await checkpoint(join(work, 'good'))
  await put(join(work, 'plain.txt'), 'text')
  await put(join(work, 'folder.png/x'), '')
})
afterAll(() => rm(work, { recursive: true, force: true }))

describe.concurrent('what is there', () => {
  it('is the version', async ({ expect }) => {
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }
    expect(await diffold(work, ['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })
  it.each([
    [[], ['draw', 'inspect', 'explain', 'export', '--version', '--help']],
    [
      ['draw'],
      [
        ...['[checkpoint] [prompt]', '--steps', '--seed', '-o, --output', '--scheduler', 'ddpm', 'unipc', '--eta'],
        ...['--count', '--negative', '--guidance', '--image', '--mask', '--strength', '--size', '--clip-skip'],
        ...['--lora', '--preview'],
        ...[
          '--backend',
          'wasm',
          'host',
          'tfjs-webgpu',
          'tfjs-wasm',
          'tfjs-cpu',
          'DIFFOLD_BACKEND',
          '--exact',
          '--threads',
          'DIFFOLD_THREADS',
          '--quiet',
          '--variant',
          '--revision',
        ],
        '--help',
      ],
    ],
    [['export'], ['[checkpoint]', '-o, --output', '--variant', '--revision', '--help']],
    [['inspect'], ['[checkpoint]', '--json', '--variant', '--revision', '--help']],
    [
      ['explain'],
      [
        '[checkpoint]',
        '--stages',
        '--slots',
        '--code',
        '--adapter',
        '--backend',
        '--exact',
        '--variant',
        '--revision',
        '--help',
      ],
    ],
  ])('is the help of diffold %s', async (command, parts) => {
    const { code, stdout, stderr } = await diffold(work, [...command, '--help'])
    for (const part of parts) expect(stdout).toContain(part)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).not.toContain(fileURLToPath(new URL('../..', import.meta.url)))
    for (const line of stdout.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })
  it('is the help, where no command is named', async ({ expect }) => {
    const { code, stdout, stderr } = await diffold(work, [])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^Usage: diffold/)
  })
})

describe.concurrent('what cannot be meant is refused in one line, with what to mend', () => {
  it.each<readonly [readonly string[], readonly string[]]>([
    [['drew'], ['drew', 'draw']],
    [
      ['draw', '--frobnicate'],
      ['--frobnicate', '--help'],
    ],
    [
      ['draw', '--stepz', '3'],
      ['--stepz', '--steps'],
    ],
    [['draw', '--steps'], ['--steps']],
    [
      ['draw', 'good', 'a cat', 'plain.txt'],
      ['argument', '3'],
    ],
    [
      ['draw', 'good', 'a cat'],
      ['a cat', 'DDPMPipeline', 'without'],
    ],
    [
      ['draw', 'good', '--guidance', '3', '--clip-skip', '1', '--lora', 'a', '--size', '8x8'],
      ['--guidance, --size, --clip-skip, --lora', 'DDPMPipeline', 'prompt'],
    ],
    [
      ['draw', '--scheduler', 'eulr'],
      ['--scheduler', 'eulr', 'ddpm', 'ddim', 'unipc'],
    ],
    [
      ['draw', texts],
      ['prompt', 'missing', 'StableDiffusionPipeline'],
    ],
    [
      ['draw', texts, 'a cat', '--strength', '0.5'],
      ['--strength', '--image'],
    ],
    [
      ['draw', texts, 'a cat', '--mask', 'mask.png'],
      ['--mask', '--image'],
    ],
    [
      ['draw', texts, 'a cat', '--image', 'plain.txt'],
      ['plain.txt', 'PNG'],
    ],
    [
      ['draw', texts, 'a cat', '--image', 'none.png'],
      ['none.png', 'not there'],
    ],
    [
      ['draw', texts, 'a cat', '--lora', 'none.safetensors:0.5'],
      ['none.safetensors', 'not there'],
    ],
    [
      ['draw', texts, 'a cat', '--size', '32', '-q'],
      ['--size', '32', '512x512'],
    ],
    [
      ['draw', texts, 'a cat', '--size', '33x32', '-q'],
      ['width', '33', 'multiple of 2'],
    ],
    [
      ['draw', texts, 'a cat', '--clip-skip', '99', '-q'],
      ['clipSkip', '99'],
    ],
    [
      ['draw', texts, 'a cat', '--guidance', 'much'],
      ['--guidance', 'much'],
    ],
    [
      ['draw', texts, 'a cat', '--preview', '0'],
      ['--preview', '0', 'whole number'],
    ],
    [
      ['draw', '--backend', 'cuda'],
      ['--backend', 'cuda', 'wasm', 'host', 'tfjs-webgpu', 'tfjs-wasm', 'tfjs-cpu'],
    ],
    [
      ['explain', '--adapter', 'metal'],
      ['--adapter', 'metal', 'lavapipe'],
    ],
    ...['0', '-1', '2.5', 'abc'].map(
      (n) =>
        [
          ['draw', '--steps', n],
          ['--steps', `'${n}'`, 'whole number from 1'],
        ] as const,
    ),
    ...['abc', `${2n ** 64n}`].map(
      (n) =>
        [
          ['draw', '--seed', n],
          ['--seed', `'${n}'`, 'whole number'],
        ] as const,
    ),
    [
      ['draw', '--eta', '1.1'],
      ['--eta', '1.1', 'from 0 to 1'],
    ],
    [
      ['draw', '-o', 'cat.jpg'],
      ['--output', 'cat.jpg', '.png'],
    ],
    [
      ['draw', 'good', '-o', 'folder.png'],
      ['folder.png', 'a folder'],
    ],
    [
      ['draw', 'good', '-o', 'plain.txt/cat.png'],
      ['plain.txt', 'no folder'],
    ],
    [
      ['draw', 'good', '-o', '/dev/null/no/cat.png'],
      ['/dev/null', 'no folder'],
    ],
    [
      ['draw', 'good', '--steps', '1001'],
      ['1001', '1000'],
    ],
  ])('diffold %j', async (args, names) => {
    expectComplaint(await diffold(work, args), ...names)
  })
  it('DIFFOLD_BACKEND too', async () => {
    const said = await diffold(work, ['draw', 'good'], { DIFFOLD_BACKEND: 'cuda' })
    expectComplaint(said, 'DIFFOLD_BACKEND', 'cuda', 'wasm')
  })
  it('and nothing is written', async () => {
    expect((await readdir(work)).toSorted()).toEqual(['folder.png', 'good', 'plain.txt'])
  })
})
