import { afterEach, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { http, type HttpOptions } from '../../../src/params/files/http.ts'
import { left, right } from '../written.ts'
import { send, serve, type Running } from './server.ts'

const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * 31) % 251)
const running: Running[] = []
const start = async (answer: Parameters<typeof serve>[0]): Promise<Running> => {
  const server = await serve(answer)
  running.push(server)
  return server
}
const quick = (options: HttpOptions = {}): HttpOptions => ({ pause: 1, ...options })
afterEach(async () => {
  await Promise.all(running.splice(0).map((s) => s.stop()))
})

describe('a server that knows ranges', () => {
  it('is asked for those bytes only', async () => {
    const server = await start((q, r) => send(q, r, bytes))
    const files = http(`${server.url}/base/`, quick())
    expect(await right(files.size('a b/c#d.bin'))).toBe(5000)
    expect(await right(files.has('a b/c#d.bin'))).toBe(true)
    expect(await right(files.read('a b/c#d.bin', 10, 30))).toEqual(bytes.slice(10, 30))
    expect(await right(files.read('a b/c#d.bin', 7, 7))).toEqual(new Uint8Array(0))
    expect(server.seen.map((s) => [s.method, s.url, s.range])).toEqual([
      ['HEAD', '/base/a%20b/c%23d.bin', undefined],
      ['GET', '/base/a%20b/c%23d.bin', 'bytes=10-29'],
    ])
    expect(await left(files.read('a b/c#d.bin', 4990, 5001))).toMatchObject({ problem: 'corrupt' })
    expect(await left(files.read('../secret', 0, 1))).toMatchObject({ problem: 'escapes' })
    expect(server.seen).toHaveLength(2)
  })
  it('may break off as often as it likes while it gets on', async () => {
    const server = await start((q, r) => send(q, r, bytes, { breakAfter: 700 }))
    const files = http(server.url, quick({ retries: 1 }))
    expect(await right(files.read('x', 100, 4900))).toEqual(bytes.slice(100, 4900))
    expect(server.seen.map((s) => s.range).slice(0, 3)).toEqual(['bytes=100-4899', 'bytes=800-4899', 'bytes=1500-4899'])
  })
  it('may have no HEAD, or lengths that mean compressed bytes', async () => {
    const noHead = await start((q, r) => (q.method === 'HEAD' ? r.writeHead(405).end() : send(q, r, bytes)))
    expect(await right(http(noHead.url, quick()).size('x'))).toBe(5000)
    const zipped = await start((q, r) =>
      q.method === 'HEAD'
        ? r.writeHead(200, { 'content-encoding': 'gzip', 'content-length': 77 }).end()
        : send(q, r, bytes),
    )
    expect(await right(http(zipped.url, quick()).size('x'))).toBe(5000)
    const empty = await start((q, r) => (q.method === 'HEAD' ? r.writeHead(405).end() : send(q, r, new Uint8Array(0))))
    expect(await right(http(empty.url, quick()).text('x'))).toBe('')
  })
  it('that sends other bytes than asked for is not believed', async () => {
    const other = await start((_, r) => r.writeHead(206, { 'content-range': 'bytes 5-9/5000' }).end('12345'))
    expect(await left(http(other.url, quick()).read('x', 0, 5))).toMatchObject({ problem: 'network' })
    const more = await start((_, r) => r.writeHead(206).end('123456789'))
    expect(await left(http(more.url, quick()).read('x', 0, 5))).toMatchObject({ problem: 'network' })
    const less = await start((_, r) => r.writeHead(206).end('123'))
    expect(await left(http(less.url, quick({ retries: 2 })).read('x', 2000, 2500))).toMatchObject({
      problem: 'network',
    })
  })
})

describe('a server that ignores ranges', () => {
  it('sends the file once', async () => {
    const server = await start((q, r) => send(q, r, bytes, { ranges: false }))
    const files = http(server.url, quick())
    const ranges = await Promise.all([
      right(files.read('x', 0, 8)),
      right(files.read('x', 4000, 5000)),
      right(files.read('x', 8, 2000)),
    ])
    expect(ranges).toEqual([bytes.slice(0, 8), bytes.slice(4000, 5000), bytes.slice(8, 2000)])
    expect(server.seen.filter((s) => s.method === 'GET')).toHaveLength(1)
    expect(await left(files.read('x', 4000, 5001))).toMatchObject({ problem: 'corrupt' })
  })
  it('and always breaks off is given up', async () => {
    const server = await start((q, r) => send(q, r, bytes, { ranges: false, breakAfter: 700 }))
    expect(await left(http(server.url, quick({ retries: 3 })).read('x', 0, 4000))).toMatchObject({ problem: 'network' })
    expect(server.seen.length).toBeLessThanOrEqual(6)
  })
})

describe('failures', () => {
  it.each([500, 503, 429, 408])('%d is tried again', async (status) => {
    let left = 2
    const server = await start((q, r) => (left-- > 0 ? r.writeHead(status).end('no') : send(q, r, bytes)))
    expect(await right(http(server.url, quick()).read('x', 0, 5))).toEqual(bytes.slice(0, 5))
    expect(server.seen).toHaveLength(3)
  })
  it.each([
    [404, 'missing', 1],
    [410, 'missing', 1],
    [401, 'unreadable', 1],
    [403, 'unreadable', 1],
    [418, 'network', 1],
    [500, 'network', 3],
  ] as const)('%d is %s', async (status, problem, asked) => {
    const server = await start((_, r) => r.writeHead(status).end())
    const files = http(server.url, quick({ retries: 2 }))
    const error = await left(files.read('dir/x', 0, 5))
    expect(error).toMatchObject({ path: 'dir/x', problem })
    expect(server.seen).toHaveLength(asked)
    if (problem === 'missing') expect(await right(files.has('dir/x'))).toBe(false)
    else expect(await left(files.has('dir/x'))).toMatchObject({ problem })
    if (problem === 'unreadable') expect(error.message).toContain('token')
  })
  it('of the network are reported when they do not pass', async () => {
    const server = await start((_, r) => r.destroy())
    expect(await left(http(server.url, quick({ retries: 2 })).size('x'))).toMatchObject({ problem: 'network' })
    expect(server.seen).toHaveLength(3)
    await server.stop()
    const error = await left(http(server.url, quick({ retries: 1 })).size('x'))
    expect(error.message).toMatch(/ECONNREFUSED|refused/)
  })
  it('silence is one', async () => {
    const server = await start(() => undefined)
    const error = await left(http(server.url, quick({ retries: 1, stall: 30 })).size('x'))
    expect(error).toMatchObject({ problem: 'network' })
    expect(error.message).toContain('no answer')
  })
  it('an abort ends it at once', async () => {
    const server = await start((_, r) => r.writeHead(503).end())
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('enough')), 30)
    const started = performance.now()
    const error = await left(http(server.url, { signal: controller.signal, pause: 60_000 }).size('x'))
    expect(error.message).toContain('enough')
    expect(performance.now() - started).toBeLessThan(5000)
  })
  it('redirects in circles and to other protocols end', async () => {
    const circle = await start((_, r) => r.writeHead(302, { location: '/again' }).end())
    expect(await left(http(circle.url, quick()).size('x'))).toMatchObject({ problem: 'network' })
    const file = await start((_, r) => r.writeHead(302, { location: 'file:///etc/passwd' }).end())
    expect(await left(http(file.url, quick()).size('x'))).toMatchObject({ problem: 'network' })
  })
})

describe('the token', () => {
  it('goes to the server alone, and not where that redirects', async () => {
    const cdn = await start((q, r) => send(q, r, bytes))
    const server = await start((_, r) => r.writeHead(302, { location: `${cdn.url}/there` }).end())
    const files = http(server.url, quick({ token: 'secret', headers: { 'x-own': '1' } }))
    expect(await right(files.read('x', 0, 9))).toEqual(bytes.slice(0, 9))
    expect(server.seen[0]!.authorization).toBe('Bearer secret')
    expect(cdn.seen[0]!.authorization).toBeUndefined()
  })
  it('nor back again', async () => {
    const urls: string[] = []
    const cdn = await start((_, r) => r.writeHead(302, { location: `${urls[0]}/back` }).end())
    const server = await start((q, r) =>
      q.url === '/back' ? send(q, r, bytes) : r.writeHead(302, { location: `${cdn.url}/there` }).end(),
    )
    urls.push(server.url)
    await right(http(server.url, quick({ token: 'secret' })).read('x', 0, 9))
    expect(server.seen.map((s) => s.authorization)).toEqual(['Bearer secret', undefined])
  })
})

it('whatever a server says, the answer is an error or the bytes', async () => {
  const status = fc.constantFrom(200, 206, 204, 301, 302, 304, 400, 404, 416, 500)
  const text = fc.oneof(
    fc.constantFrom('bytes 0-9/10', 'bytes */0', 'bytes 3-4/5', '*', '10', '1e9', '-1', '99999999999999'),
  )
  const answer = fc.record({ status, range: text, body: fc.uint8Array({ maxLength: 20 }), location: text })
  await fc.assert(
    fc.asyncProperty(fc.array(answer, { minLength: 1, maxLength: 4 }), async (answers) => {
      let i = 0
      const fake = async (): Promise<Response> => {
        const { status, range, body, location } = answers[i++ % answers.length]!
        const none = [204, 304].includes(status)
        return new Response(none ? null : new Uint8Array(body), {
          status,
          headers: { 'content-range': range, location },
        })
      }
      const files = http('http://localhost/x', { fetch: fake, retries: 2, pause: 0 })
      for (const task of [files.read('a', 3, 9), files.size('a'), files.has('a'), files.text('a')]) {
        const result = await task()
        if (result._tag === 'Left') expect(result.left).toMatchObject({ _tag: 'FileError' })
      }
    }),
    { numRuns: 500 },
  )
})
