import fc from 'fast-check'
import { either as E } from 'fp-ts'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { FileError } from '../../src/errors.ts'
import { longestText, type Files } from '../../src/params/files/files.ts'
import { folder } from '../../src/params/files/folder.ts'
import { memory } from '../../src/params/files/memory.ts'
import { safetensors } from '../../src/params/safetensors.ts'
import { left, right, small } from './written.ts'

let work = ''
beforeAll(async () => {
  work = await fs.mkdtemp(join(tmpdir(), 'diffold-'))
})
afterAll(() => fs.rm(work, { recursive: true, force: true }))

const put = async (path: string, bytes: Uint8Array | string): Promise<string> => {
  const file = join(work, path)
  await fs.mkdir(dirname(file), { recursive: true })
  await fs.writeFile(file, bytes)
  return file
}
const link = async (target: string, path: string): Promise<void> => {
  await fs.mkdir(dirname(join(work, path)), { recursive: true })
  await fs.symlink(target, join(work, path))
}

const bytes = Uint8Array.from({ length: 300 }, (_, i) => i)
const text = '\ufeff{"é": "✓"}'
const kinds: readonly (readonly [string, () => Promise<Files>])[] = [
  [
    'folder',
    async () => {
      await put('same/unet/x.bin', bytes)
      await put('same/t.json', text)
      await put('same/not.txt', Uint8Array.of(0xff, 0xfe))
      return folder(join(work, 'same'))
    },
  ],
  [
    'memory',
    async () =>
      memory('m', { 'unet/x.bin': bytes, 't.json': new TextEncoder().encode(text), 'not.txt': Uint8Array.of(0xff) }),
  ],
  [
    'blobs',
    async () =>
      memory('m', {
        'unet/x.bin': new Blob([bytes]),
        't.json': new Blob([text]),
        'not.txt': new Blob([Uint8Array.of(0xff)]),
      }),
  ],
]

describe.each(kinds)('files: %s', (_, make) => {
  it('are read by ranges, into buffers of their own', async () => {
    const files = await make()
    expect(await right(files.size('unet/x.bin'))).toBe(300)
    await fc.assert(
      fc.asyncProperty(fc.nat(300), fc.nat(300), async (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)]
        const got = await right(files.read('unet/x.bin', start, end))
        expect(got).toEqual(bytes.slice(start, end))
        expect([got.byteOffset, got.buffer.byteLength]).toEqual([0, end - start])
        got.fill(0)
      }),
    )
    expect(await right(files.read('unet/x.bin', 0, 300))).toEqual(bytes)
  })
  it('are read as text', async () => {
    const files = await make()
    expect(await right(files.text('t.json'))).toBe('{"é": "✓"}')
    expect(await left(files.text('not.txt'))).toMatchObject({ path: 'not.txt', problem: 'corrupt' })
  })
  it('say what is not there, and what is a folder', async () => {
    const files = await make()
    expect(await right(files.has('t.json'))).toBe(true)
    for (const path of ['no', 'unet/no', 't.json/no', '__proto__', 'toString', 'n'.repeat(5000)]) {
      expect(await right(files.has(path))).toBe(false)
      for (const task of [files.size(path), files.read(path, 0, 1), files.text(path)])
        expect(await left(task)).toMatchObject({ path, problem: 'missing' })
    }
    for (const task of [files.has('unet'), files.size('unet'), files.read('unet', 0, 1), files.text('unet')])
      expect(await left(task)).toMatchObject({ path: 'unet', problem: 'unreadable' })
  })
  it('never lead outside', async () => {
    const files = await make()
    const part = fc.constantFrom('..', '.', '', 'unet', 'x.bin', '/', '\\', 'C:', '\0', '~')
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.array(part).map((p) => p.join('/')),
          fc.string(),
        ),
        async (path) => {
          const outside = path === '' || /(^|\/)\.{0,2}(\/|$)|[\\\0:]/.test(path)
          for (const task of [files.has(path), files.size(path), files.read(path, 0, 1), files.text(path)]) {
            const result = await task()
            if (outside) expect(result).toMatchObject(E.left({ problem: 'escapes', path }))
            else if (E.isLeft(result)) expect(result.left).toBeInstanceOf(FileError)
          }
        },
      ),
      { numRuns: 300 },
    )
  })
  it.each([
    [0, 301],
    [301, 301],
    [2, 1],
    [-1, 1],
    [0.5, 1],
    [NaN, 1],
    [0, Infinity],
    [0, 2 ** 40],
    [2 ** 53, 2 ** 53],
  ])('bytes %d to %d are refused', async (start, end) => {
    expect(await left((await make()).read('unet/x.bin', start, end))).toMatchObject({ problem: 'corrupt' })
  })
})

describe('a folder', () => {
  it('is followed through links that stay within it, or are how it is reached', async () => {
    await put('links/a/x', 'x')
    await link('../a/x', 'links/b/x')
    await link(join(work, 'links'), 'way')
    expect(await right(folder(join(work, 'links')).text('b/x'))).toBe('x')
    expect(await right(folder(join(work, 'way')).text('b/x'))).toBe('x')
    expect(await right(folder(`${join(work, 'links')}/`).text('a/x'))).toBe('x')
  })
  it('is not left by a link', async () => {
    await put('secret', 'x')
    await put('inner-more/x', 'x')
    await link('../secret', 'inner/x')
    await link(join(work, 'secret'), 'inner/y')
    await link('..', 'inner/up')
    await link('../inner-more/x', 'inner/z')
    const files = folder(join(work, 'inner'))
    for (const path of ['x', 'y', 'z', 'up/secret'])
      for (const task of [files.has(path), files.size(path), files.read(path, 0, 1), files.text(path)])
        expect(await left(task)).toMatchObject({ path, problem: 'escapes' })
  })
  it('of the hub’s cache has its blobs, and nobody else’s', async () => {
    const repository = 'cache/models--org--name'
    await put(`${repository}/blobs/abc`, 'blob')
    await put('cache/models--org--other/blobs/abc', 'other')
    await link('../../../blobs/abc', `${repository}/snapshots/123/unet/x`)
    await link('../../blobs/gone', `${repository}/snapshots/123/gone`)
    await link('../../../models--org--other/blobs/abc', `${repository}/snapshots/123/other`)
    for (const [at, path] of [
      ['', 'unet/x'],
      ['/unet', 'x'],
    ] as const)
      expect(await right(folder(join(work, `${repository}/snapshots/123${at}`)).text(path))).toBe('blob')
    const files = folder(join(work, repository, 'snapshots/123'))
    expect(await right(files.has('gone'))).toBe(false)
    expect(await left(files.text('other'))).toMatchObject({ problem: 'escapes' })
  })
  it('has files that cannot be read', async () => {
    await link('loop', 'odd/loop')
    expect(await left(folder(join(work, 'odd')).has('loop'))).toMatchObject({ problem: 'unreadable' })
    for (const code of ['EACCES', 'EIO']) {
      const spy = vi.spyOn(fs, 'open').mockRejectedValueOnce(Object.assign(new Error(`${code}: no`), { code }))
      await put('odd/x', 'x')
      expect(await left(folder(join(work, 'odd')).text('x'))).toMatchObject({ path: 'x', problem: 'unreadable' })
      spy.mockRestore()
    }
  })
  it.skipIf(process.platform === 'win32')('does not wait for pipes', async () => {
    await put('pipe/x', 'x')
    execFileSync('mkfifo', [join(work, 'pipe/fifo')])
    const files = folder(join(work, 'pipe'))
    expect(await left(files.read('fifo', 0, 0))).toMatchObject({ problem: 'unreadable' })
    expect(await left(files.text('fifo'))).toMatchObject({ problem: 'unreadable' })
  })
  it('refuses a text that is too long, unread', async () => {
    await fs.truncate(await put('long/x', ''), longestText + 1)
    expect(await left(folder(join(work, 'long')).text('x'))).toMatchObject({ problem: 'unsupported' })
  })
  it('reads from beyond 4 GiB', async () => {
    const file = await put('sparse/x', '')
    const handle = await fs.open(file, 'r+')
    await handle.write(Uint8Array.of(1, 2, 3), 0, 3, 2 ** 32 + 5)
    await handle.close()
    expect(await right(folder(join(work, 'sparse')).read('x', 2 ** 32 + 4, 2 ** 32 + 8))).toEqual(
      Uint8Array.of(0, 1, 2, 3),
    )
  })
  it('that is not there holds nothing', async () => {
    const files = folder(join(work, 'nowhere'))
    expect(await right(files.has('x'))).toBe(false)
    expect(await left(files.text('x'))).toMatchObject({ problem: 'missing' })
    expect((await left(files.text('x'))).message).toContain('nowhere')
  })
})

describe('handles', () => {
  const count = { opened: 0, closed: 0 }
  beforeEach(() => {
    Object.assign(count, { opened: 0, closed: 0 })
    const open = fs.open
    vi.spyOn(fs, 'open').mockImplementation(async (...args) => {
      const handle = await open(...args)
      count.opened++
      const close = handle.close.bind(handle)
      handle.close = async () => {
        await close()
        count.closed++
      }
      return handle
    })
  })
  afterEach(() => void vi.restoreAllMocks())

  it('are closed, whatever happened', async () => {
    const file = await put('leak/x', small('a', 'b', 'c'))
    const files = folder(join(work, 'leak'))
    const entries = await right(safetensors(files, 'x'))
    await Promise.all([...entries.values()].map((e) => right(e.read)))
    await left(files.read('x', 0, 10_000))
    await files.text('x')()
    expect(count.opened).toBeGreaterThan(4)
    // A file that became shorter, and one whose reads fail.
    await fs.truncate(file, 20)
    for (const entry of entries.values()) await left(entry.read)
    vi.mocked(fs.open).mockImplementationOnce(async () => {
      count.opened++
      return {
        stat: async () => ({ size: 20 }),
        read: async () => Promise.reject(new Error('read failed')),
        close: async () => void count.closed++,
      } as unknown as fs.FileHandle
    })
    expect((await left(files.read('x', 0, 20))).message).toContain('read failed')
    expect(count.closed).toBe(count.opened)
  })
})
