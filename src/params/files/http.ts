/** Files of a web server, read by range requests. */
import { FileError } from '../../errors.ts'
import { checkRange } from './attempt.ts'
import type { Files } from './files.ts'
import { ranged } from './ranged.ts'
import { filesOf } from './reader.ts'
import { ask, checkStatus, lengthIn, retrying, type Transport } from './request.ts'

/** How files of a server are read. */
export type HttpOptions = Transport & {
  /** The name in messages; the URL unless given. */
  readonly name?: string
}

const mostWhole = 2 ** 32 // of a server that ignores ranges, kept as a blob

const room = (path: string, bytes: number): Uint8Array<ArrayBuffer> => {
  try {
    return new Uint8Array(bytes)
  } catch {
    throw new FileError(path, 'unsupported', `there is no memory for ${bytes} bytes`)
  }
}

/** A URL below another, whose parts are those of a path. */
export const urlOf = (base: string, parts: readonly string[]): string =>
  `${base.replace(/\/+$/, '')}/${parts.map(encodeURIComponent).join('/')}`

/**
 * The files below a URL. A server that ignores ranges and sends the whole file has it kept, so that it is sent once. Failures of the
 * network, 408, 429 and 5xx are tried again; 404 is `missing`, 401 and 403 are `unreadable`, the rest is `network`.
 */
export const http = (base: string, options: HttpOptions = {}): Files => {
  const lengths = new Map<string, number>()
  const whole = new Map<string, Blob>()
  const first = new Map<string, Promise<unknown>>()

  const fetchRange = async (path: string, url: string, start: number, end: number): Promise<Uint8Array> => {
    let parts: Uint8Array<ArrayBuffer>[] | undefined
    let out = new Uint8Array(0)
    let [at, held] = [0, 0]
    await ranged(options, path, url, start, end, {
      begin: (from, total, all) => {
        if (total !== undefined) {
          lengths.set(path, total)
          checkRange(path, start, end, total)
        }
        parts = all ? [] : undefined
        if (!all && out.length === 0) out = room(path, end - start)
        ;[at, held] = [from - start, 0]
      },
      bytes: (bytes) => {
        held += bytes.length
        if (held > mostWhole)
          throw new FileError(path, 'unsupported', `the server ignores ranges, and the file exceeds ${mostWhole} bytes`)
        if (parts !== undefined) parts.push(new Uint8Array(bytes))
        else out.set(bytes, at)
        at += bytes.length
      },
    })
    if (parts === undefined) return out
    const blob = new Blob(parts)
    whole.set(path, blob)
    lengths.set(path, blob.size)
    return slice(path, blob, start, end)
  }

  const slice = async (path: string, blob: Blob, start: number, end: number): Promise<Uint8Array> => {
    checkRange(path, start, end, blob.size)
    return new Uint8Array(await blob.slice(start, end).arrayBuffer())
  }

  const read = async (path: string, start: number, end: number, parts: readonly string[]): Promise<Uint8Array> => {
    checkRange(path, start, end, lengths.get(path))
    if (start === end) return new Uint8Array(0)
    // Until one reply has come, nobody knows whether ranges work; two at once could both be the whole file.
    const before = first.get(path)
    if (before !== undefined) await before.catch(() => undefined)
    const kept = whole.get(path)
    if (kept !== undefined) return slice(path, kept, start, end)
    const reply = fetchRange(path, urlOf(base, parts), start, end)
    if (before === undefined) first.set(path, reply)
    return reply
  }

  const head = (path: string, parts: readonly string[]): Promise<number | undefined> =>
    retrying(options, path, async (signal) => {
      const url = urlOf(base, parts)
      const init = { method: 'HEAD', headers: { 'accept-encoding': 'identity' }, signal } as const
      const response = await ask(options, path, init, url)
      if (response.status === 405 || response.status === 501) return undefined
      await checkStatus(path, url, response)
      return lengthIn(response)
    })

  const sizeOf = async (path: string, parts: readonly string[]): Promise<number> => {
    const known = lengths.get(path) ?? (await head(path, parts))
    if (known === undefined) {
      await fetchRange(path, urlOf(base, parts), 0, 1).catch((error: unknown) => {
        if (!lengths.has(path)) throw error // an empty file has no first byte, but has said its length
      })
    }
    const size = known ?? lengths.get(path)
    if (size === undefined) throw new FileError(path, 'network', 'the server does not say how long it is')
    lengths.set(path, size)
    return size
  }

  return filesOf({
    name: options.name ?? base,
    has: async (path, parts) => {
      try {
        await sizeOf(path, parts)
        return true
      } catch (error) {
        if (error instanceof FileError && error.problem === 'missing') return false
        throw error
      }
    },
    size: sizeOf,
    read,
  })
}
