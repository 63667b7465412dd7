/** A peer in a browser of its own. */
import { createReadStream, existsSync } from 'node:fs'
import { mkdtemp, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkpointIn } from '../files.ts'
import type { Answer, Asked, Question } from '../peers/protocol.ts'
import type { Session } from '../session.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
}

/** Which file an address means. */
const fileOf = (path: string, page: string, cache: string): string => {
  const [, first, ...rest] = path.split('/')
  switch (first) {
    case 'cache':
      return join(cache, ...rest)
    case 'checkpoints':
      return join(checkpointIn(cache, rest[0]!), ...rest.slice(1))
    case 'ort':
      return join(root, 'bench/node_modules/onnxruntime-web/dist', ...rest)
    default:
      return join(page, path === '/' ? 'index.html' : path)
  }
}

const serve = (page: string, cache: string): Promise<Server> =>
  new Promise((ready) => {
    const server = createServer((request, response) => {
      const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname)
      const file = fileOf(path, page, cache)
      const type = types[extname(file)] ?? 'application/octet-stream'
      const answer = async (): Promise<void> => {
        const { size } = await stat(file)
        const headers = { 'content-type': type, 'accept-ranges': 'bytes' }
        if (request.method === 'HEAD') return void response.writeHead(200, { ...headers, 'content-length': size }).end()
        const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
        if (range === null) {
          response.writeHead(200, { ...headers, 'content-length': size })
          return void createReadStream(file).pipe(response)
        }
        const [start, end] = [Number(range[1]), Math.min(Number(range[2]), size - 1)]
        const part = { 'content-length': end + 1 - start, 'content-range': `bytes ${start}-${end}/${size}` }
        response.writeHead(206, { ...headers, ...part })
        createReadStream(file, { start, end }).pipe(response)
      }
      answer().catch(() => response.writeHead(404).end())
    })
    server.listen(0, '127.0.0.1', () => {
      server.unref()
      ready(server)
    })
  })

const built = async (cache: string): Promise<string> => {
  const { build } = await import('vite')
  const outDir = await mkdtemp(join(tmpdir(), 'diffold-bench-page-'))
  await build({
    root: join(root, 'bench/browser'),
    configFile: false,
    logLevel: 'error',
    resolve: { alias: { diffold: join(root, 'src/index.ts') } },
    build: { outDir, emptyOutDir: true, target: 'esnext', minify: false },
  })
  const address = (await serve(outDir, cache)).address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://127.0.0.1:${address.port}/`
}
let page: Promise<string> | undefined

const browserPath = (): string => {
  const path = process.env['DIFFOLD_CHROMIUM'] ?? '/usr/bin/chromium'
  if (!existsSync(path)) throw new Error(`no browser at ${path}; DIFFOLD_CHROMIUM names another`)
  return path
}

/** A peer in a fresh browser. Rejects where there is none. */
export const browserSession = async (asked: Asked): Promise<Session> => {
  const executablePath = browserPath()
  const { chromium } = await import('playwright-core')
  const url = await (page ??= built(asked.cache))
  // A server, since a browser that hangs must be killed.
  const server = await chromium.launchServer({
    executablePath,
    args: [
      '--headless=new',
      '--no-sandbox',
      '--enable-unsafe-webgpu',
      '--disable-background-networking',
      '--no-first-run',
    ],
  })
  try {
    const tab = await (await chromium.connect(server.wsEndpoint())).newPage()
    tab.setDefaultTimeout(0)
    await tab.goto(`${url}?asked=${encodeURIComponent(JSON.stringify(asked))}`)
    await tab.waitForFunction(() => 'answer' in window, undefined, { timeout: 60_000 })
    const ask = async (question: Question): Promise<unknown> => {
      const { value, error } = await tab.evaluate(
        (q) => (window as unknown as { answer: (q: Question) => Promise<Answer> }).answer(q),
        question,
      )
      if (error !== undefined) throw new Error(error.split('\n')[0])
      if (question.do !== 'result') return value
      await writeFile(question.path, Buffer.from(value as string, 'base64'))
      return undefined
    }
    return { ask, stop: () => server.kill() }
  } catch (error) {
    await server.kill()
    throw error
  }
}
