import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DDPM, ddpm, load, orThrow, seed, type Tuned } from '../../src/index.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const checkpoint = join(root, 'models/ddpm-emoji-cat-64')
const wanted = process.env['DIFFOLD_CHROMIUM'] ?? '/usr/bin/chromium'
const missing = existsSync(wanted) ? undefined : `no browser at ${wanted}; DIFFOLD_CHROMIUM names another`

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
}

/** What a page's address may ask of the server: headers that let it share memory between threads; a policy that forbids workers made of a text. */
const headers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  isolated: { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' },
  strict: { 'content-security-policy': "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'" },
}

const serve = (folder: string): Promise<Server> =>
  new Promise((ready) => {
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://x')
      const path = normalize(decodeURIComponent(url.pathname))
      for (const name of url.searchParams.keys())
        for (const [header, value] of Object.entries(headers[name] ?? {})) response.setHeader(header, value)
      readFile(join(folder, path === '/' ? 'index.html' : path)).then(
        (data) => {
          const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
          const type = { 'content-type': types[extname(path === '/' ? '.html' : path)] ?? 'application/octet-stream' }
          if (path === '/') type['content-type'] = 'text/html'
          if (range === null)
            return response
              .writeHead(200, { ...type, 'content-length': data.length })
              .end(request.method === 'HEAD' ? undefined : data)
          const [from, to] = [Number(range[1]), Math.min(Number(range[2]) + 1, data.length)]
          return response
            .writeHead(206, {
              ...type,
              'content-length': to - from,
              'content-range': `bytes ${from}-${to - 1}/${data.length}`,
            })
            .end(data.subarray(from, to))
        },
        () => response.writeHead(404).end(),
      )
    }).listen(0, '127.0.0.1', () => ready(server))
  })

describe.skipIf(missing !== undefined)(`a page in a browser${missing === undefined ? '' : ` (${missing})`}`, () => {
  let folder = ''
  let server: Server
  let browser: Browser

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'diffold-page-'))
    await build({
      root: join(root, 'spec/browser/page'),
      configFile: false,
      logLevel: 'error',
      resolve: { alias: { diffold: join(root, 'src/index.ts') } },
      build: { outDir: folder, emptyOutDir: true, target: 'esnext', minify: false },
    })
    await cp(checkpoint, join(folder, 'checkpoint'), { recursive: true })
    server = await serve(folder)
    browser = await chromium.launch({
      executablePath: wanted,
      args: [
        '--headless=new',
        '--no-sandbox',
        '--enable-unsafe-webgpu',
        '--disable-background-networking',
        '--no-first-run',
      ],
    })
  })
  afterAll(async () => {
    await browser?.close()
    server?.close()
    await rm(folder, { recursive: true, force: true })
  })

  type Outcome = { readonly [key: string]: unknown }

  const opened = async (query: string): Promise<{ readonly page: Page; readonly outcome: () => Promise<Outcome> }> => {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no port')
    const page = await browser.newPage()
    const said: string[] = []
    page.on('pageerror', (e) => said.push(e.message))
    await page.goto(`http://127.0.0.1:${address.port}/?${query}`)
    const outcome = async (): Promise<Outcome> => {
      await page.waitForFunction(() => 'outcome' in window, undefined, { timeout: 300_000 })
      const got = await page.evaluate(() => (window as unknown as { outcome: Outcome }).outcome)
      return { error: said.join('; '), ...got }
    }
    return { page, outcome }
  }

  const visit = async (query: string): Promise<Outcome> => {
    const { page, outcome } = await opened(query)
    const got = await outcome()
    await page.close()
    return got
  }

  it('is never blocked by a run where it may share memory, which workers then do', async () => {
    const { error, backend, blocked, step } = await visit('do=watch&backend=wasm&count=16&isolated')
    expect(error).toBe('')
    expect(backend).toMatch(/ [2-9]\d* threads/)
    expect(step).toBeGreaterThan(150)
    expect(blocked).toBeLessThan((step as number) / 2)
  })
  it('draws on one thread, and waits, where it may not', async () => {
    const { error, backend, blocked, step } = await visit('do=watch&backend=wasm&count=16')
    expect(error).toBe('')
    expect(backend).toMatch(/ 1 thread$/)
    expect(blocked).toBeGreaterThan((step as number) / 2)
  })

  it('keeps what the tuner found, and finds it again', async () => {
    const { page, outcome } = await opened('do=tune')
    const first = await outcome()
    expect(first['error']).toBe('')
    const news = first['news'] as readonly Tuned[]
    expect(news.length).toBeGreaterThan(3)
    expect(news.every((n) => n._tag === 'Measured' && n.ms >= 0 && n.total === news.length)).toBe(true)
    expect(first['apart']).toBeLessThan(1e-5)
    await page.reload()
    expect(await outcome()).toMatchObject({ error: '', news: [] })
    await page.close()
  })
  it('goes on after its device was lost, on a new one, to the same result', async () => {
    expect(await visit('do=lose')).toEqual({
      error: '',
      failure: expect.stringMatching(/DeviceError.*lost/),
      step: 2,
      replaced: true,
      apart: 0,
    })
  })

  // Op by op, WebGPU takes a minute a step without a GPU.
  it.each([
    ['wasm', 3, ''],
    ['wasm', 3, '&isolated'],
    ['wasm', 3, '&isolated&strict'],
    ['webgpu', 3, ''],
    ['webgpu', 3, '&isolated&strict'],
    ['tfjs-webgpu', 1, ''],
  ])(
    'draws on %s what Node draws in %i steps, within 1/255 %s',
    async (name, steps, asked) => {
      const inNode = (await ddpm(await orThrow(load(DDPM, checkpoint)), { steps })(seed(0))).rgba
      const { error, backend, pixels } = await visit(`backend=${name}&steps=${steps}${asked}`)
      expect(error).toBe('')
      expect(backend).toMatch({ wasm: /^WebAssembly/, webgpu: /^WebGPU: /, 'tfjs-webgpu': /WebGPU/ }[name]!)
      expect(Math.max(...(pixels as number[]).map((v, i) => Math.abs(v - inNode[i]!)))).toBeLessThanOrEqual(1)
    },
    320_000,
  )
})
