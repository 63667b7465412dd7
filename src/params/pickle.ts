/**
 * Python pickles, read as data and never executed: a subset of the machine of protocols 2 to 5 that knows what `torch.save` writes for
 * a dict of tensors. Whatever else a pickle asks for is refused by name.
 */
import { FileError } from '../errors.ts'
import { isDict, type Value } from './pickle-value.ts'

type Items = { readonly _tag: 'Tuple'; readonly items: Value[] }
const tuple = (items: Value[]): Items => ({ _tag: 'Tuple', items })

/** What a pickle may name. Naming it does nothing; only the calls of `reduce` mean something. */
const known =
  /^(collections\.OrderedDict|torch\._utils\._rebuild_(tensor|tensor_v2|parameter)|torch\.Size|torch\.(\w+Storage)|torch\.storage\.\w+Storage)$/

/** Far more than the largest state dict takes, some 40 a tensor; what runs longer, or holds more, was made to. */
const mostOperations = 2_000_000

/** Reads a pickle. Throws `FileError`: `corrupt` where it is broken, `unsupported` where it asks for what is not read here. */
export const unpickle = (path: string, bytes: Uint8Array): Value => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const memo = new Map<number, Value>()
  const marks: Value[][] = []
  let stack: Value[] = []
  let at = 0

  const corrupt = (why: string): never => {
    throw new FileError(path, 'corrupt', `the pickle ${why} at byte ${at}`)
  }
  const refuse = (what: string): never => {
    throw new FileError(
      path,
      'unsupported',
      `the pickle asks for ${what}, which is no part of a dict of tensors; it was not run`,
    )
  }
  const take = (length: number): number => {
    if (!(length >= 0) || at + length > bytes.length) corrupt('ends too early')
    at += length
    return at - length
  }
  const pop = (): Value => (stack.length > 0 ? stack.pop()! : corrupt('takes from an empty stack'))
  const top = (): Value => (stack.length > 0 ? stack.at(-1)! : corrupt('looks at an empty stack'))
  const unmark = (): Value[] => {
    const items = stack
    stack = marks.pop() ?? corrupt('has no mark')
    return items
  }
  const text = (length: number): string => {
    const start = take(length)
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(start, at))
    } catch {
      return corrupt('holds text that is not UTF-8')
    }
  }
  const line = (): string => {
    const end = bytes.indexOf(10, at)
    if (end === -1) corrupt('has a line without end')
    const s = text(end - at)
    at = end + 1
    return s
  }
  const u64 = (): number => {
    const n = view.getBigUint64(take(8), true)
    return n > BigInt(bytes.length) ? corrupt('names a length beyond its end') : Number(n)
  }
  const integer = (length: number): Value => {
    const start = take(length)
    let n = 0n
    for (let i = length - 1; i >= 0; i--) n = (n << 8n) | BigInt(bytes[start + i]!)
    const signed = length > 0 ? BigInt.asIntN(8 * length, n) : 0n
    return signed >= -(2n ** 53n) && signed <= 2n ** 53n ? Number(signed) : signed
  }
  const byteString = (length: number): Value => ({ _tag: 'Bytes', bytes: bytes.slice(take(length), at) })
  const global = (name: string): Value => (known.test(name) ? { _tag: 'Global', name } : refuse(name))
  const put = (key: number): void => void memo.set(key, top())
  const get = (key: number): Value => (memo.has(key) ? memo.get(key)! : corrupt('recalls what it has not kept'))

  const natural = (v: Value | undefined): number =>
    typeof v === 'number' && Number.isSafeInteger(v) && v >= 0 ? v : corrupt('has a tensor of impossible geometry')
  const naturals = (v: Value | undefined): number[] =>
    v !== null && typeof v === 'object' && (v._tag === 'Tuple' || v._tag === 'List') && v.items.length <= 64
      ? v.items.map(natural)
      : corrupt('has a tensor without a shape')
  const tensorOf = ([storage, offset, shape, strides, , , metadata]: Value[]): Value => {
    if (isDict(metadata) && metadata.entries.size > 0) return refuse('a negated or conjugated view')
    if (storage === null || typeof storage !== 'object' || storage._tag !== 'Storage')
      return corrupt('has a tensor without a storage')
    const [extents, steps] = [naturals(shape), naturals(strides)]
    if (extents.length !== steps.length) corrupt('has a tensor of impossible geometry')
    return { _tag: 'Tensor', storage, offset: natural(offset), shape: extents, strides: steps }
  }
  const pairs = (items: Value[]): Map<Value, Value> => {
    if (items.length % 2 !== 0) corrupt('has a key without a value')
    return new Map(Array.from({ length: items.length / 2 }, (_, i) => [items[2 * i]!, items[2 * i + 1]!]))
  }

  /** The calls that a dict of tensors is made of. */
  const reduce = (callee: Value, argument: Value): Value => {
    if (callee === null || typeof callee !== 'object' || callee._tag !== 'Global')
      return refuse('a call of what is no function')
    const args =
      argument !== null && typeof argument === 'object' && argument._tag === 'Tuple'
        ? argument.items
        : corrupt('calls without arguments')
    switch (callee.name) {
      case 'collections.OrderedDict':
        return args.length === 0 ? { _tag: 'Dict', entries: new Map() } : refuse('an OrderedDict of a list')
      case 'torch._utils._rebuild_tensor':
      case 'torch._utils._rebuild_tensor_v2':
        return tensorOf(args)
      case 'torch._utils._rebuild_parameter':
        return args[0] ?? corrupt('has a parameter without a tensor')
      case 'torch.Size':
        return args[0] ?? tuple([])
      default:
        return refuse(`a call of ${callee.name}`)
    }
  }
  const persistent = (id: Value): Value => {
    if (id === null || typeof id !== 'object' || id._tag !== 'Tuple') return refuse('a persistent value')
    const [kind, type, key, , count] = id.items
    if (kind !== 'storage' || type === null || typeof type !== 'object' || type._tag !== 'Global')
      return refuse('a persistent value that is no storage')
    if (typeof key !== 'string') return corrupt('has a storage without a key')
    return { _tag: 'Storage', type: type.name.split('.').at(-1)!, key, count: natural(count) }
  }
  const append = (items: Value[]): void => {
    const list = top()
    if (list === null || typeof list !== 'object' || list._tag !== 'List') return corrupt('appends to what is no list')
    for (const item of items) list.items.push(item)
  }
  const setItems = (entries: Map<Value, Value>): void => {
    const dict = top()
    if (!isDict(dict)) return corrupt('sets a key of what is no dict')
    for (const [k, v] of entries) dict.entries.set(k, v)
  }

  const operations: { readonly [opcode: number]: () => void } = {
    0x80: () => void take(1), // PROTO
    0x95: () => void take(8), // FRAME
    0x28: () => {
      marks.push(stack)
      stack = []
    }, // MARK
    0x30: () => void pop(), // POP
    0x31: () => void unmark(), // POP_MARK
    0x32: () => stack.push(top()), // DUP
    0x4e: () => stack.push(null), // NONE
    0x88: () => stack.push(true), // NEWTRUE
    0x89: () => stack.push(false), // NEWFALSE
    0x4a: () => stack.push(view.getInt32(take(4), true)), // BININT
    0x4b: () => stack.push(view.getUint8(take(1))), // BININT1
    0x4d: () => stack.push(view.getUint16(take(2), true)), // BININT2
    0x8a: () => stack.push(integer(view.getUint8(take(1)))), // LONG1
    0x47: () => stack.push(view.getFloat64(take(8), false)), // BINFLOAT
    0x58: () => stack.push(text(view.getUint32(take(4), true))), // BINUNICODE
    0x8c: () => stack.push(text(view.getUint8(take(1)))), // SHORT_BINUNICODE
    0x8d: () => stack.push(text(u64())), // BINUNICODE8
    0x54: () => stack.push(byteString(view.getInt32(take(4), true))), // BINSTRING
    0x55: () => stack.push(byteString(view.getUint8(take(1)))), // SHORT_BINSTRING
    0x42: () => stack.push(byteString(view.getUint32(take(4), true))), // BINBYTES
    0x43: () => stack.push(byteString(view.getUint8(take(1)))), // SHORT_BINBYTES
    0x8e: () => stack.push(byteString(u64())), // BINBYTES8
    0x7d: () => stack.push({ _tag: 'Dict', entries: new Map() }), // EMPTY_DICT
    0x5d: () => stack.push({ _tag: 'List', items: [] }), // EMPTY_LIST
    0x29: () => stack.push(tuple([])), // EMPTY_TUPLE
    0x74: () => {
      const items = unmark()
      stack.push(tuple(items))
    }, // TUPLE
    0x85: () => stack.push(tuple([pop()])), // TUPLE1
    0x86: () => {
      const b = pop()
      stack.push(tuple([pop(), b]))
    }, // TUPLE2
    0x87: () => {
      const c = pop()
      const b = pop()
      stack.push(tuple([pop(), b, c]))
    }, // TUPLE3
    0x6c: () => {
      const items = unmark()
      stack.push({ _tag: 'List', items })
    }, // LIST
    0x64: () => {
      const items = unmark()
      stack.push({ _tag: 'Dict', entries: pairs(items) })
    }, // DICT
    0x61: () => append([pop()]), // APPEND
    0x65: () => append(unmark()), // APPENDS
    0x73: () => {
      const v = pop()
      setItems(new Map([[pop(), v]]))
    }, // SETITEM
    0x75: () => setItems(pairs(unmark())), // SETITEMS
    0x71: () => put(view.getUint8(take(1))), // BINPUT
    0x72: () => put(view.getUint32(take(4), true)), // LONG_BINPUT
    0x94: () => put(memo.size), // MEMOIZE
    0x68: () => stack.push(get(view.getUint8(take(1)))), // BINGET
    0x6a: () => stack.push(get(view.getUint32(take(4), true))), // LONG_BINGET
    0x63: () => {
      const module = line()
      stack.push(global(`${module}.${line()}`))
    }, // GLOBAL
    0x93: () => {
      const name = pop()
      stack.push(global(`${String(pop())}.${String(name)}`))
    }, // STACK_GLOBAL
    0x52: () => {
      const argument = pop()
      stack.push(reduce(pop(), argument))
    }, // REDUCE
    0x62: () => void pop(), // BUILD: attributes such as _metadata, which say nothing of the tensors
    0x51: () => stack.push(persistent(pop())), // BINPERSID
  }

  for (let n = 0; n < mostOperations; n++) {
    const opcode = view.getUint8(take(1))
    if (opcode === 0x2e) return pop() // STOP
    const operation = operations[opcode]
    if (operation === undefined) refuse(`opcode 0x${opcode.toString(16)}`)
    operation!()
  }
  return refuse(`more than ${mostOperations} operations`)
}
