/** Deflated bytes, inflated as a stream that is read no further than is needed. */
import { FileError } from '../errors.ts'
import { unwrap } from './files/attempt.ts'
import type { Files } from './files/files.ts'

const piece = 2 ** 20

/** Bytes `start` to `end` of what the bytes `packed` of a file inflate to; `name` is for messages. Throws `FileError`. */
export const inflated = async (
  files: Files,
  name: string,
  path: string,
  packed: { readonly from: number; readonly to: number },
  start: number,
  end: number,
): Promise<Uint8Array> => {
  let at = packed.from
  let failure: unknown
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      try {
        const to = Math.min(at + piece, packed.to)
        if (to > at) controller.enqueue(new Uint8Array(await unwrap(files.read(path, at, to))))
        at = to
        if (at === packed.to) controller.close()
      } catch (error) {
        failure = error
        controller.error(error)
      }
    },
  })
  const reader = source.pipeThrough(new DecompressionStream('deflate-raw')).getReader()
  // Not before the bytes have come: what claims to be large need not be.
  const chunks: Uint8Array[] = []
  let done = 0
  try {
    while (done < end) {
      const next = await reader.read()
      if (next.done) throw new FileError(name, 'corrupt', `inflates to ${done} bytes; ${end} were wanted`)
      const chunk = next.value
      const [a, b] = [Math.max(0, start - done), Math.min(chunk.length, end - done)]
      if (b > a) chunks.push(chunk.subarray(a, b))
      done += chunk.length
    }
  } catch (error) {
    if (failure !== undefined) throw failure
    if (error instanceof FileError) throw error
    throw new FileError(name, 'corrupt', 'cannot be inflated')
  } finally {
    await reader.cancel().catch(() => undefined)
  }
  const out = new Uint8Array(end - start)
  let to = 0
  for (const chunk of chunks) {
    out.set(chunk, to)
    to += chunk.length
  }
  return out
}
