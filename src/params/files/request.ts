/** Requests that try again, follow redirects without giving the token away, and go on where a reply broke off. */
import { FileError } from '../../errors.ts'
import { isNode } from '../platform.ts'
import { messageOf } from './attempt.ts'

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** How requests are made. */
export type Transport = {
  /** Sent as `Authorization: Bearer …`, to the first server only. */
  readonly token?: string
  /** Further headers, likewise for the first server only. */
  readonly headers?: Readonly<Record<string, string>>
  /** Ends every request and every pause between them. */
  readonly signal?: AbortSignal
  /** How often a request that fails for want of a network, or by the server's fault, is made again; 4 unless given. */
  readonly retries?: number
  /** Milliseconds before it is first made again; doubled each time. 500 unless given. */
  readonly pause?: number
  /** Milliseconds without a byte after which a request counts as failed; 60 000 unless given. */
  readonly stall?: number
  readonly fetch?: Fetch
}

/** A reply whose fault may pass. */
class Transient extends Error {
  readonly after: number | undefined
  constructor(message: string, after?: number) {
    super(message)
    this.after = after
  }
}

const causes = (error: unknown): string =>
  error instanceof Error && error.cause !== undefined
    ? `${messageOf(error)} (${messageOf(error.cause)})`
    : messageOf(error)

const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const timer = setTimeout(end, ms)
    function end(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      done()
    }
    signal?.addEventListener('abort', end)
  })

/**
 * Runs `f` until it succeeds, throws a `FileError`, or has failed `retries` times in a row without `progress` being reported. Throws
 * `FileError` alone.
 */
export const retrying = async <A>(
  { retries = 4, pause = 500, stall = 60_000, signal }: Transport,
  path: string,
  f: (signal: AbortSignal, alive: (progress: boolean) => void) => Promise<A>,
): Promise<A> => {
  for (let failures = 0; ;) {
    const stalled = new AbortController()
    const give = (): void => stalled.abort(new Error(`no answer for ${stall / 1000} s`))
    let timer = setTimeout(give, stall)
    try {
      signal?.throwIfAborted()
      return await f(signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal, (progress) => {
        clearTimeout(timer)
        timer = setTimeout(give, stall)
        if (progress) failures = 0
      })
    } catch (error) {
      if (error instanceof FileError) throw error
      if (signal?.aborted) throw new FileError(path, 'network', `aborted: ${messageOf(signal.reason)}`)
      if (++failures > retries) throw new FileError(path, 'network', `cannot be fetched: ${causes(error)}`)
      const after = error instanceof Transient ? error.after : undefined
      await sleep(Math.min(30_000, after ?? pause * 2 ** (failures - 1)), signal)
    } finally {
      clearTimeout(timer)
    }
  }
}

const drop = (response: Response): Promise<void> | undefined => response.body?.cancel().catch(() => undefined)

const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status)

/**
 * One request, with its redirects: all of them, or only those within the server asked. Headers of the transport, the token among them,
 * go to that server alone. In a browser `fetch` itself follows, and drops the token likewise.
 */
export const ask = async (
  transport: Transport,
  path: string,
  init: { readonly method: 'GET' | 'HEAD'; readonly headers: Readonly<Record<string, string>>; signal: AbortSignal },
  first: string,
  within: 'anywhere' | 'origin' = 'anywhere',
): Promise<Response> => {
  const fetch = transport.fetch ?? globalThis.fetch
  const own = { ...transport.headers, ...(transport.token ? { authorization: `Bearer ${transport.token}` } : {}) }
  let url = new URL(first)
  for (let hop = 0, trusted = true; hop <= 10; hop++) {
    const headers = { ...init.headers, ...(trusted ? own : {}) }
    const response = await fetch(url.href, { ...init, headers, redirect: isNode() ? 'manual' : 'follow' })
    const location = response.headers.get('location')
    if (!isRedirect(response.status) || location === null) return response
    const next = URL.canParse(location, url) ? new URL(location, url) : undefined
    if (within === 'origin' && next?.origin !== url.origin) return response
    await drop(response)
    if (
      next === undefined ||
      !/^https?:$/.test(next.protocol) ||
      (url.protocol === 'https:' && next.protocol === 'http:')
    )
      throw new FileError(path, 'network', `is redirected to ${location}, which is not followed`)
    trusted &&= next.origin === url.origin
    url = next
  }
  throw new FileError(path, 'network', 'is redirected more than 10 times')
}

const seconds = (header: string | null): number | undefined =>
  header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined

/** Throws what a reply's status means, if it is not success: a `FileError`, or something that `retrying` tries again. */
export const checkStatus = async (path: string, url: string, response: Response): Promise<void> => {
  const { status, headers } = response
  if (response.ok || isRedirect(status)) return
  await drop(response)
  const said = headers.get('x-error-message')
  const detail = `${new URL(url).host} answers ${status}${said === null ? '' : ` (${said})`}`
  if (status === 404 || status === 410) throw new FileError(path, 'missing', `is not there: ${detail}`)
  if (status === 401 || status === 403)
    throw new FileError(
      path,
      'unreadable',
      `may not be read: ${detail}; it is private, gated or not there. A token that may read it is given by the option token, ` +
        'or for a hub by HF_TOKEN or `hf auth login`',
    )
  if (status === 408 || status === 429 || status >= 500)
    throw new Transient(detail, seconds(headers.get('retry-after')))
  throw new FileError(path, 'network', detail)
}

/** A reply's length, where it says so and means bytes of the file. */
export const lengthIn = ({ headers }: Response): number | undefined => {
  const length = headers.get('content-length')
  return length !== null && /^\d{1,15}$/.test(length) && (headers.get('content-encoding') ?? 'identity') === 'identity'
    ? Number(length)
    : undefined
}
