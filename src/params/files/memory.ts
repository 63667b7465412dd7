/** Files that are in memory, or were chosen on a page. */
import { FileError } from '../../errors.ts'
import { checkRange } from './attempt.ts'
import type { Files } from './files.ts'
import { filesOf, missing } from './reader.ts'

type Content = Uint8Array | Blob

const sizeOf = (content: Content): number => (content instanceof Uint8Array ? content.byteLength : content.size)

/** The files of a record from paths to contents: bytes, or blobs such as the files that a visitor chose. */
export const memory = (name: string, contents: Readonly<Record<string, Content>>): Files => {
  const table = new Map(Object.entries(contents))
  const find = (path: string): Content | undefined => {
    const content = table.get(path)
    if (content === undefined && [...table.keys()].some((key) => key.startsWith(`${path}/`)))
      throw new FileError(path, 'unreadable', 'is a folder, not a file')
    return content
  }
  const get = (path: string): Content => {
    const content = find(path)
    if (content === undefined) throw missing(path, name)
    return content
  }
  return filesOf({
    name,
    has: async (path) => find(path) !== undefined,
    size: async (path) => sizeOf(get(path)),
    read: async (path, start, end) => {
      const content = get(path)
      checkRange(path, start, end, sizeOf(content))
      return content instanceof Uint8Array
        ? new Uint8Array(content.subarray(start, end))
        : new Uint8Array(await content.slice(start, end).arrayBuffer())
    },
  })
}
