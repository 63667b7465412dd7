/** A reader of bytes from front to back, for pickles. It throws `FileError` at the end. */
import { FileError } from '../errors.ts'
import { utf8 } from './files/attempt.ts'

/** Little-endian numbers, text and raw bytes, each read once. */
export type Cursor = {
  readonly u8: () => number
  readonly u16: () => number
  readonly u32: () => number
  /** 64 bits as a number; what is not safe is far past any end, and fails there. */
  readonly u64: () => number
  readonly i32: () => number
  /** Big-endian, as pickles have it. */
  readonly f64: () => number
  /** A two's complement integer of so many bytes; exact up to 2⁵³. */
  readonly long: (bytes: number) => number
  readonly raw: (bytes: number) => Uint8Array
  readonly text: (bytes: number) => string
  /** Text up to a line's end, which is passed over. */
  readonly line: () => string
}

/** A cursor at the first byte. */
export const cursor = (path: string, bytes: Uint8Array): Cursor => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const take = (length: number): number => {
    if (length > bytes.length - at)
      throw new FileError(
        path,
        'corrupt',
        `its pickle ends at byte ${bytes.length}; ${length} more from ${at} were due`,
      )
    at += length
    return at - length
  }
  const raw = (length: number): Uint8Array => {
    const from = take(length)
    return bytes.subarray(from, at)
  }
  return {
    u8: () => view.getUint8(take(1)),
    u16: () => view.getUint16(take(2), true),
    u32: () => view.getUint32(take(4), true),
    u64: () => Number(view.getBigUint64(take(8), true)),
    i32: () => view.getInt32(take(4), true),
    f64: () => view.getFloat64(take(8)),
    long: (length) => {
      const value = raw(length).reduceRight((v, byte) => (v << 8n) | BigInt(byte), 0n)
      return Number(BigInt.asIntN(8 * length, value))
    },
    raw,
    text: (length) => utf8(path, raw(length)),
    line: () => {
      const end = bytes.indexOf(10, at)
      if (end < 0) throw new FileError(path, 'corrupt', 'its pickle has a line without an end')
      const line = utf8(path, raw(end - at))
      at++
      return line
    },
  }
}
