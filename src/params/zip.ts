/** Zip archives, read by ranges: the directory, then the stored members that are asked for. PKWARE's APPNOTE 6.3, zip64 included. */
import { FileError } from '../errors.ts'

/** Reads `[start, end)` of the archive; rejects with a `FileError`. */
export type ReadRange = (start: number, end: number) => Promise<Uint8Array>

/** A file in an archive: `locate` gives the range of its bytes, which are stored and not compressed. */
export type Member = { readonly name: string; readonly size: number; readonly locate: () => Promise<number> }

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const largestDirectory = 64 * 2 ** 20

type End = { readonly count: number; readonly offset: number; readonly size: number }

/** The members of an archive of `length` bytes, by name. Throws `FileError` where it is none, is broken, or compresses. */
export const zipMembers = async (
  path: string,
  length: number,
  read: ReadRange,
): Promise<ReadonlyMap<string, Member>> => {
  const corrupt = (why: string): never => {
    throw new FileError(path, 'corrupt', `the zip archive ${why}`)
  }
  const safe = (n: bigint): number => (n <= BigInt(length) ? Number(n) : corrupt('names a place outside itself'))

  const findEnd = async (): Promise<End> => {
    const from = Math.max(0, length - 65_557) // 22 bytes, and a comment of at most 65,535
    const tail = await read(from, length)
    const view = viewOf(tail)
    let at = tail.length - 22
    while (at >= 0 && view.getUint32(at, true) !== 0x06054b50) at--
    if (at < 0) corrupt('has no directory: it is cut off, or is no zip archive')
    const end = {
      count: view.getUint16(at + 10, true),
      size: view.getUint32(at + 12, true),
      offset: view.getUint32(at + 16, true),
    }
    if (end.count !== 0xffff && end.size !== 0xffffffff && end.offset !== 0xffffffff) return end
    if (at < 20 || view.getUint32(at - 20, true) !== 0x07064b50) return end
    const where = safe(view.getBigUint64(at - 12, true))
    const wide = viewOf(await read(where, Math.min(where + 56, length)))
    if (wide.byteLength < 56 || wide.getUint32(0, true) !== 0x06064b50) corrupt('has a broken zip64 directory')
    return {
      count: safe(wide.getBigUint64(32, true)),
      size: safe(wide.getBigUint64(40, true)),
      offset: safe(wide.getBigUint64(48, true)),
    }
  }

  const { count, offset, size } = await findEnd()
  if (offset + size > length || size > largestDirectory || count * 46 > size)
    corrupt('has a directory of impossible size')
  const directory = await read(offset, offset + size)
  const view = viewOf(directory)
  const members = new Map<string, Member>()
  const places: (readonly [start: number, end: number, name: string])[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || view.getUint32(at, true) !== 0x02014b50) corrupt('has a broken directory')
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((o) => view.getUint16(at + o, true)) as [
      number,
      number,
      number,
    ]
    const next = at + 46 + nameLength + extraLength + commentLength
    if (next > size) corrupt('has a broken directory')
    const name = new TextDecoder().decode(directory.subarray(at + 46, at + 46 + nameLength))
    const method = view.getUint16(at + 10, true)
    const flags = view.getUint16(at + 8, true)
    let [packed, plain, start] = [20, 24, 42].map((o) => view.getUint32(at + o, true)) as [number, number, number]
    for (let e = at + 46 + nameLength; e + 4 <= at + 46 + nameLength + extraLength;) {
      const [id, extra] = [view.getUint16(e, true), view.getUint16(e + 2, true)]
      let field = e + 4
      const wide = (narrow: number): number => {
        if (narrow !== 0xffffffff) return narrow
        if (field + 8 > Math.min(e + 4 + extra, size)) return corrupt('has a broken zip64 entry')
        field += 8
        return safe(view.getBigUint64(field - 8, true))
      }
      if (id === 1) {
        plain = wide(plain)
        packed = wide(packed)
        start = wide(start)
      }
      e += 4 + extra
    }
    if (members.has(name)) corrupt(`holds ${name} twice`)
    if (name.split('/').includes('..') || /^\/|[\\\0]/.test(name)) corrupt(`holds ${name}, which leads out of it`)
    places.push([start, start + 30 + nameLength + packed, name])
    const locate = async (): Promise<number> => {
      if (method !== 0 || packed !== plain || (flags & 1) !== 0)
        throw new FileError(path, 'unsupported', `${name} is compressed or encrypted; torch.save stores it as it is`)
      const header = viewOf(await read(start, Math.min(start + 30, length)))
      if (header.byteLength < 30 || header.getUint32(0, true) !== 0x04034b50)
        corrupt(`has no ${name} where its directory says`)
      const data = start + 30 + header.getUint16(26, true) + header.getUint16(28, true)
      return data + plain <= length ? data : corrupt(`ends within ${name}`)
    }
    members.set(name, { name, size: plain, locate })
    at = next
  }
  let free = 0
  for (const [start, end, name] of places.toSorted(([a], [b]) => a - b)) {
    if (start < free || end > offset) corrupt(`holds ${name} where something else is`)
    free = end
  }
  return members
}
