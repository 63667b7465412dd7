/** A range of a file at a URL, however often its transfer breaks off. */
import { FileError } from '../../errors.ts'
import { ask, checkStatus, lengthIn, retrying, type Transport } from './request.ts'

/** Where bytes go. Both may be called again after a failure: `begin` says from which byte of the file the next ones are. */
export type Sink = {
  /** `whole`: the server ignores ranges, and sends the file from its first byte to its last. */
  readonly begin: (from: number, total: number | undefined, whole: boolean) => void | Promise<void>
  readonly bytes: (bytes: Uint8Array) => void | Promise<void>
}

const totalIn = (range: string): number | undefined => {
  const total = /\/(\d{1,15})$/.exec(range)?.[1]
  return total === undefined ? undefined : Number(total)
}

/** Bytes from `start` to `end`, or to the file's end, into the sink. Throws `FileError`. */
export const ranged = (
  transport: Transport,
  path: string,
  url: string,
  start: number,
  end: number | undefined,
  sink: Sink,
): Promise<void> => {
  let at = start
  let furthest = start
  return retrying(transport, path, async (signal, alive) => {
    const range = `bytes=${at}-${end === undefined ? '' : end - 1}`
    // Without `identity` a server may send, and count, compressed bytes.
    const init = { method: 'GET', headers: { range, 'accept-encoding': 'identity' }, signal } as const
    const response = await ask(transport, path, init, url)
    const inRange = response.headers.get('content-range') ?? ''
    const total = totalIn(inRange)
    if (response.status === 416 && total === at) {
      await response.body?.cancel()
      return await sink.begin(at, total, false)
    }
    await checkStatus(path, url, response)
    const length = lengthIn(response)
    const partial = response.status === 206
    if (partial && inRange !== '' && !inRange.startsWith(`bytes ${at}-`))
      throw new FileError(path, 'network', `the server sent ${inRange} for ${range}`)
    if (!partial) at = 0
    const expected = partial ? (end ?? total ?? (length === undefined ? undefined : at + length)) : length
    await sink.begin(at, partial ? total : length, !partial)
    const reader = response.body?.getReader()
    try {
      for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
        at += next.value.length
        if (expected !== undefined && at > expected)
          throw new FileError(path, 'network', `the server sent more than the ${expected - start} bytes of ${range}`)
        await sink.bytes(next.value)
        alive(at > furthest)
        furthest = Math.max(furthest, at)
      }
    } finally {
      await reader?.cancel().catch(() => undefined)
    }
    if (expected !== undefined && at < expected) throw new Error(`the reply ended at byte ${at} of ${expected}`)
  })
}
