/** Bytes of the WebAssembly binary format, as trees: flattened once, when a module is made. */

/** A byte, or bytes in a row. */
export type Bytes = number | Uint8Array | readonly Bytes[]

/** Unsigned LEB128. */
export const unsigned = (n: number): Bytes => {
  // Most are one byte, and need no list.
  if (n >= 0 && n < 128 && Number.isInteger(n)) return n
  if (!Number.isInteger(n) || n < 0) throw new RangeError(`${n} is no unsigned number`)
  const out: number[] = []
  let rest = n
  do {
    const byte = rest % 128
    rest = Math.floor(rest / 128)
    out.push(rest > 0 ? byte + 128 : byte)
  } while (rest > 0)
  return out
}

/** Signed LEB128 of a whole number of 32 bits; one of 2³¹ or more is taken modulo 2³². */
export const signed = (n: number): number[] => {
  const out: number[] = []
  let rest = n | 0
  for (;;) {
    const byte = rest & 0x7f
    rest >>= 7
    if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) return [...out, byte]
    out.push(byte | 0x80)
  }
}

const view = new DataView(new ArrayBuffer(8))

/** The four bytes of a float32. */
export const float32 = (x: number): number[] => {
  view.setFloat32(0, x, true)
  return [0, 1, 2, 3].map((i) => view.getUint8(i))
}

/** The eight bytes of a float64. */
export const float64 = (x: number): number[] => {
  view.setFloat64(0, x, true)
  return [0, 1, 2, 3, 4, 5, 6, 7].map((i) => view.getUint8(i))
}

/** The four bytes of a whole number of 32 bits. */
export const word = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, (n >>> 24) & 255]

/** A name: its length and its characters, which are ASCII. */
export const name = (text: string): Bytes => [unsigned(text.length), [...text].map((c) => c.charCodeAt(0))]

/** What becomes of bytes in a row below certain nodes of a tree. */
export type Replacement = {
  readonly below: (node: readonly Bytes[]) => boolean
  readonly by: (bytes: Uint8Array) => Uint8Array
}

/** The leaves of a tree, in order. */
export const flatten = (tree: Bytes, replacement?: Replacement): Uint8Array<ArrayBuffer> => {
  let out = new Uint8Array(1024)
  let length = 0
  const room = (more: number): void => {
    if (length + more <= out.length) return
    const wider = new Uint8Array(2 * (length + more))
    wider.set(out)
    out = wider
  }
  const walk = (node: Bytes, below: boolean): void => {
    if (typeof node === 'number') {
      room(1)
      out[length++] = node
    } else if (node instanceof Uint8Array) {
      const bytes = below ? replacement!.by(node) : node
      room(bytes.length)
      out.set(bytes, length)
      length += bytes.length
    } else {
      const inside = below || (replacement !== undefined && replacement.below(node))
      for (const part of node) walk(part, inside)
    }
  }
  walk(tree, false)
  return out.slice(0, length)
}

/** Parts in a row, after their number. */
export const vector = (parts: readonly Bytes[]): Bytes => [unsigned(parts.length), parts]

/** Bytes after their number. */
export const sized = (body: Bytes): Bytes => {
  const flat = flatten(body)
  return [unsigned(flat.length), flat]
}
