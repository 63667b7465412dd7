/** Servers on this machine for specs: one that imitates a hub, and the CDN to which it redirects. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it came. */
export type Seen = {
  readonly method: string
  readonly url: string
  readonly range: string | undefined
  readonly authorization: string | undefined
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A server that is running: where, what it was asked, and how it is stopped. */
export type Running = { readonly url: string; readonly seen: Seen[]; readonly stop: () => Promise<void> }

/** Starts a server on a free port. */
export const serve = async (answer: Answer): Promise<Running> => {
  const seen: Seen[] = []
  const server: Server = createServer((request, response) => {
    const { range, authorization } = request.headers
    seen.push({ method: request.method ?? '', url: request.url ?? '', range, authorization })
    answer(request, response)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const stop = (): Promise<void> =>
    new Promise((done) => {
      server.close(() => done())
      server.closeAllConnections()
    })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, stop }
}

/** How bytes are sent: all in one, or broken off after some, or without regard to ranges. */
export type Sending = { readonly ranges?: boolean; readonly breakAfter?: number }

/** Sends a file, or the part of it that was asked for. */
export const send = (
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  { ranges = true, breakAfter }: Sending = {},
): void => {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  const partial = ranges && from !== undefined
  const start = partial ? Number(from) : 0
  const end = partial && to !== '' ? Math.min(Number(to) + 1, bytes.length) : bytes.length
  if (partial && start >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
    return
  }
  const body = bytes.subarray(start, end)
  response.writeHead(partial ? 206 : 200, {
    'content-length': body.length,
    ...(partial ? { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` } : {}),
  })
  if (request.method === 'HEAD') response.end()
  else if (breakAfter === undefined || breakAfter >= body.length) response.end(Buffer.from(body))
  else response.write(Buffer.from(body.subarray(0, breakAfter)), () => setTimeout(() => response.destroy(), 5))
}

/** The SHA-256 by which the hub calls large files. */
export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
/** The name that git gives a blob, by which the hub calls the others. */
export const gitHash = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')

/** What a hub holds, and how it behaves; all of it may change while it runs. */
export type HubState = {
  commit: string
  files: Record<string, { readonly bytes: Uint8Array; readonly large: boolean }>
  /** The token without which nothing is given. */
  token?: string
  /** Called before each transfer of bytes. */
  sending?: () => Sending
  /** Status codes that the next answers of the hub have instead. */
  failures: number[]
}

/** A hub for `org/name`, and its CDN. */
export type FakeHub = {
  readonly hub: Running
  readonly cdn: Running
  readonly state: HubState
  stop: () => Promise<void>
}

/** Starts a hub: large files are redirected to another port, small ones sent at once, and renamed repositories found. */
export const serveHub = async (files: HubState['files'], commit = 'c'.repeat(40)): Promise<FakeHub> => {
  const state: HubState = { commit, files, failures: [] }
  const cdn = await serve((request, response) => {
    const file = Object.values(state.files).find((f) => `/${sha256(f.bytes)}` === request.url)
    if (file === undefined) response.writeHead(404).end()
    else send(request, response, file.bytes, state.sending?.())
  })
  const hub = await serve((request, response) => {
    const failure = state.failures.shift()
    if (failure !== undefined) return void response.writeHead(failure, { 'retry-after': '0' }).end()
    if (state.token !== undefined && request.headers.authorization !== `Bearer ${state.token}`)
      return void response
        .writeHead(401, { 'x-error-code': 'GatedRepo', 'x-error-message': 'Access is restricted' })
        .end()
    const url = request.url ?? ''
    if (url.startsWith('/org/renamed/'))
      return void response.writeHead(307, { location: url.replace('renamed', 'name') }).end()
    const [, revision, path] = /^\/org\/name\/resolve\/([^/]+)\/(.+)$/.exec(url) ?? []
    if (revision === undefined || path === undefined)
      return void response.writeHead(404, { 'x-error-code': 'RepoNotFound' }).end()
    const file = ['main', 'refs%2Fpr%2F1', state.commit].includes(revision)
      ? state.files[decodeURIComponent(path)]
      : undefined
    response.setHeader('x-repo-commit', state.commit)
    if (file === undefined) return void response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end()
    if (!file.large) {
      response.setHeader('etag', `W/"${gitHash(file.bytes)}"`)
      return send(request, response, file.bytes, state.sending?.())
    }
    const etag = sha256(file.bytes)
    response.setHeader('etag', `"${gitHash(new Uint8Array(3))}"`)
    response.setHeader('x-linked-etag', `"${etag}"`)
    response.setHeader('x-linked-size', file.bytes.length)
    response.writeHead(302, { location: `${cdn.url}/${etag}` }).end()
  })
  const stop = async (): Promise<void> => void (await Promise.all([hub.stop(), cdn.stop()]))
  return { hub, cdn, state, stop }
}
