/** Pickles and zip archives written by hand, for specs: right ones and wrong ones. */

/** Bytes of numbers and texts, one after another. */
export const bytes = (...parts: readonly (number | string | Uint8Array)[]): Uint8Array =>
  new Uint8Array(
    Buffer.concat(
      parts.map((p) => (typeof p === 'number' ? Uint8Array.of(p) : typeof p === 'string' ? Buffer.from(p) : p)),
    ),
  )

/** n as so many bytes, little-endian. */
export const le = (n: number | bigint, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => Number((BigInt(n) >> BigInt(8 * i)) & 255n))

/** The opcodes that specs write by hand, by their names in Python's pickletools; `text` is BINUNICODE. */
export const op = {
  proto: bytes(0x80, 2),
  stop: '.',
  mark: '(',
  none: 'N',
  emptyDict: '}',
  emptyList: ']',
  emptyTuple: ')',
  tuple: 't',
  reduce: 'R',
  build: 'b',
  setItem: 's',
  append: 'a',
  appends: 'e',
  persistent: 'Q',
  memoize: bytes(0x94),
  global: (module: string, name: string): string => `c${module}\n${name}\n`,
  text: (s: string): Uint8Array => bytes('X', le(Buffer.byteLength(s), 4), s),
  int: (n: number): Uint8Array => bytes('J', le(n, 4)),
}

const { emptyTuple, global, int, mark, none, persistent, reduce, text, tuple } = op

/** A tensor of a storage of floats. */
export const tensor = (
  key: string,
  count: number,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Uint8Array =>
  bytes(
    ...[global('torch._utils', '_rebuild_tensor_v2'), mark],
    ...[mark, text('storage'), global('torch', 'FloatStorage'), text(key), text('cpu'), int(count), tuple, persistent],
    ...[int(offset), mark, ...shape.map(int), tuple, mark, ...strides.map(int), tuple],
    ...[none, global('collections', 'OrderedDict'), emptyTuple, reduce, tuple, reduce],
  )

/** A pickle of a dict of texts to what is given as opcodes. */
export const dictOf = (entries: Readonly<Record<string, Uint8Array | string>>): Uint8Array =>
  bytes(op.proto, '}', ...Object.entries(entries).flatMap(([k, v]) => [text(k), v, 's']), '.')

/** A member of an archive; what is not given follows from what is. */
export type ZipMember = {
  readonly name: string
  readonly data: Uint8Array
  readonly method?: number
  readonly flags?: number
  /** Sizes and place as its entry in the directory has them. */
  readonly packed?: number
  readonly plain?: number
  readonly start?: number
}

/** A zip archive; `end` changes fields of its last record. */
export const zip = (
  members: readonly ZipMember[],
  end: { readonly count?: number; readonly size?: number; readonly offset?: number } = {},
): Uint8Array => {
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let at = 0
  for (const { name, data, method = 0, flags = 0, packed = data.length, plain = data.length, start = at } of members) {
    const head = [le(method, 2), le(0, 8), le(packed, 4), le(plain, 4), le(Buffer.byteLength(name), 2)]
    const local = bytes('PK\x03\x04', le(20, 2), le(flags, 2), ...head, le(0, 2), name, data)
    directory.push(bytes('PK\x01\x02', le(20, 2), le(20, 2), le(flags, 2), ...head, le(0, 12), le(start, 4), name))
    parts.push(local)
    at += local.length
  }
  const listing = bytes(...directory)
  const { count = members.length, size = listing.length, offset = at } = end
  const last = bytes('PK\x05\x06', le(0, 4), le(count, 2), le(count, 2), le(size, 4), le(offset, 4), le(0, 2))
  return bytes(...parts, listing, last)
}
