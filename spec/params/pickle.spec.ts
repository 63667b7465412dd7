import fc from 'fast-check'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { FileError } from '../../src/errors.ts'
import type { Value } from '../../src/params/pickle-value.ts'
import { unpickle } from '../../src/params/pickle.ts'
import { bytes, dictOf, le, op, tensor } from './pickles.ts'

const read = (...parts: readonly (number | string | Uint8Array)[]): Value => unpickle('x.bin', bytes(...parts))

/** The error of a pickle that must be refused. */
const refusal = (pickle: Uint8Array): FileError => {
  try {
    unpickle('x.bin', pickle)
  } catch (error) {
    expect(error).toBeInstanceOf(FileError)
    expect(error).toMatchObject({ path: 'x.bin' })
    return error as FileError
  }
  throw new Error('was expected to fail')
}

describe('values', () => {
  it.each<readonly [string, Uint8Array | string, Value]>([
    ['None', 'N', null],
    ['True', bytes(0x88), true],
    ['False', bytes(0x89), false],
    ['BININT', bytes('J', le(-5, 4)), -5],
    ['BININT1', bytes('K', 255), 255],
    ['BININT2', bytes('M', le(65535, 2)), 65535],
    ['LONG1', bytes(0x8a, 5, le(-(2n ** 33n), 5)), -(2 ** 33)],
    ['LONG1 of no bytes', bytes(0x8a, 0), 0],
    ['LONG1, wide', bytes(0x8a, 10, le(2n ** 70n, 10)), 2n ** 70n],
    ['BINFLOAT', bytes('G', 0x3f, 0xe0, 0, 0, 0, 0, 0, 0), 0.5],
    ['BINUNICODE', op.text('ünï'), 'ünï'],
    ['BINUNICODE with a byte order mark', op.text('\ufeffa'), '\ufeffa'],
    ['SHORT_BINUNICODE', bytes(0x8c, 2, 'ab'), 'ab'],
    ['BINUNICODE8', bytes(0x8d, le(2, 8), 'ab'), 'ab'],
    ['SHORT_BINBYTES', bytes('C', 2, 7, 8), { _tag: 'Bytes', bytes: Uint8Array.of(7, 8) }],
    ['TUPLE3', bytes('K', 1, 'K', 2, 'K', 3, 0x87), { _tag: 'Tuple', items: [1, 2, 3] }],
    ['APPENDS', bytes('](K', 1, 'K', 2, 'eN', 'a'), { _tag: 'List', items: [1, 2, null] }],
    ['DICT', bytes('(', op.text('a'), 'K', 1, 'd'), { _tag: 'Dict', entries: new Map([['a', 1]]) }],
    ['memo', bytes('K', 7, 'q', 3, '0h', 3), 7],
    ['MEMOIZE', bytes('K', 7, 0x94, '0h', 0), 7],
    ['OrderedDict', `${op.global('collections', 'OrderedDict')})R`, { _tag: 'Dict', entries: new Map() }],
  ])('%s', (_, pickle, want) => {
    expect(read(op.proto, pickle, '.')).toEqual(want)
  })
  it('of tensors are views of storages', () => {
    const dict = read(dictOf({ w: tensor('3', 24, [2, 3], [12, 1], 5) }))
    expect(dict).toMatchObject({ _tag: 'Dict' })
    expect((dict as { entries: Map<Value, Value> }).entries.get('w')).toEqual({
      _tag: 'Tensor',
      storage: { _tag: 'Storage', type: 'FloatStorage', key: '3', count: 24 },
      offset: 5,
      shape: [2, 3],
      strides: [12, 1],
    })
  })
})

describe('what a pickle may not ask for', () => {
  const call = (module: string, name: string, ...args: readonly (Uint8Array | string)[]): Uint8Array =>
    bytes(op.proto, op.global(module, name), '(', ...args, 'tR.')
  it.each([
    ['posix', 'system'],
    ['os', 'system'],
    ['nt', 'system'],
    ['subprocess', 'Popen'],
    ['builtins', 'eval'],
    ['builtins', 'exec'],
    ['builtins', 'getattr'],
    ['__builtin__', '__import__'],
    ['__builtin__', 'dict'],
    ['importlib', 'import_module'],
    ['codecs', 'encode'],
    ['numpy.core.multiarray', '_reconstruct'],
    ['torch', 'Tensor'],
    ['torch', 'FloatStorage.__init__'],
    ['torch._utils', '_rebuild_tensor_v2.__globals__'],
    ['torch.hub', 'load'],
    ['torch.jit', 'load'],
    ['collections', 'OrderedDict.fromkeys'],
    ['collections.OrderedDict', 'x'],
    ['x.collections', 'OrderedDict'],
    ['collections', 'OrderedDict '],
    ['', ''],
    ['__main__', 'Model'],
    ['constructor', 'constructor'],
    ['globalThis', 'process'],
  ])('%s.%s', (module, name) => {
    const exit = vi.spyOn(process, 'exit')
    for (const pickle of [
      call(module, name, op.text('touch never')),
      bytes(op.proto, op.text(module), op.text(name), 0x93, '.'), // STACK_GLOBAL
    ]) {
      const { problem, message } = refusal(pickle)
      expect([problem, message.includes(`${module}.${name}`)]).toEqual(['unsupported', true])
    }
    expect(exit).not.toHaveBeenCalled()
    exit.mockRestore()
  })
  it.each<readonly [string, Uint8Array]>([
    ['a storage called', call('torch', 'FloatStorage', op.int(1))],
    ['an OrderedDict of a list', call('collections', 'OrderedDict', ']')],
    ['a call of a text', bytes(op.text('eval'), ')R.')],
    ['a call of a dict', bytes('})R.')],
    ['STACK_GLOBAL of no texts', bytes('}]', 0x93, '.')],
    ['INST', bytes('(ios\nsystem\n.')],
    ['OBJ', bytes('(', op.global('collections', 'OrderedDict'), 'o.')],
    ['NEWOBJ', bytes(op.global('collections', 'OrderedDict'), ')', 0x81, '.')],
    ['NEWOBJ_EX', bytes(op.global('collections', 'OrderedDict'), ')}', 0x92, '.')],
    ['PERSID', bytes('Pfile:///etc/passwd\n.')],
    ['EXT1', bytes(0x82, 1, '.')],
    ['a text as persistent id', bytes(op.text('storage'), 'Q.')],
    ['another kind of persistent id', bytes('(', op.text('file'), op.text('/etc/passwd'), 'tQ.')],
    ['a persistent id without a class', bytes('(', op.text('storage'), op.text('os.system'), 'tQ.')],
    [
      'a negated view',
      bytes(
        ...[op.global('torch._utils', '_rebuild_tensor_v2'), '('],
        ...['(', op.text('storage'), op.global('torch', 'FloatStorage'), op.text('0'), 'NK', 1, 'tQ'],
        ...['K', 0, 'K', 1, 0x85, 'K', 1, 0x85, 'NN}', op.text('neg'), bytes(0x88), 's', 'tR.'],
      ),
    ],
  ])('%s', (_, pickle) => {
    expect(refusal(pickle)).toMatchObject({ problem: 'unsupported' })
  })
})

describe('what is no pickle', () => {
  it.each<readonly [string, Uint8Array]>([
    ['nothing', bytes()],
    ['no end', bytes(op.proto, 'N')],
    ['an empty stack', bytes('.')],
    ['a mark never made', bytes('t.')],
    ['a mark not used up', bytes('N(.')],
    ['a memo never made', bytes('h', 9, '.')],
    ['a put of nothing', bytes('q', 0, 'N.')],
    ['an item of no list', bytes('}N', 'a.')],
    ['a key of no dict', bytes(']NNs.')],
    ['a key without a value', bytes('}(Nu.')],
    ['a text cut off', bytes('X', le(100, 4), 'abc')],
    ['a text of 4 GiB', bytes('X', le(2 ** 32 - 1, 4), 'abc.')],
    ['a text of 2⁶³ bytes', bytes(0x8d, le(2n ** 63n, 8), 'abc.')],
    ['bytes of a negative count', bytes('T', le(-1, 4), 'abc.')],
    ['bytes of 16 EiB', bytes(0x8e, le(2n ** 64n - 1n, 8), '.')],
    ['a text that is not UTF-8', bytes('X', le(2, 4), 0xff, 0xfe, '.')],
    ['a global without a name', bytes('ccollections\nOrderedDict')],
    ['a call without arguments', bytes(op.global('collections', 'OrderedDict'), 'NR.')],
    ['a storage without a key', bytes('(', op.text('storage'), op.global('torch', 'FloatStorage'), 'NNK', 1, 'tQ.')],
    ['a tensor without a storage', bytes(op.global('torch._utils', '_rebuild_tensor_v2'), ')R.')],
    ['a tensor of a negative extent', dictOf({ a: tensor('0', 1, [-1], [1]) })],
    ['a tensor of a negative stride', dictOf({ a: tensor('0', 9, [2], [-1], 5) })],
    ['a tensor of a negative offset', dictOf({ a: tensor('0', 9, [2], [1], -1) })],
    ['a tensor of a negative storage', dictOf({ a: tensor('0', -9, [2], [1]) })],
    ['a tensor of too few strides', dictOf({ a: tensor('0', 9, [3, 3], [1]) })],
    ['a tensor of 65 axes', dictOf({ a: tensor('0', 9, Array(65).fill(1), Array(65).fill(1)) })],
  ])('%s', (_, pickle) => {
    expect(refusal(pickle)).toMatchObject({ problem: 'corrupt' })
  })
})

describe('a pickle made to last', () => {
  const within = (ms: number, f: () => void): void => {
    const start = performance.now()
    f()
    expect(performance.now() - start).toBeLessThan(ms)
  }
  const repeated = (part: string, times: number): Uint8Array => Buffer.from(part.repeat(times))
  it('by lists of lists of itself is read as the few lists it is', () => {
    // Each list has the one before it ten times: 10⁴⁰ leaves, were they ever visited.
    const layer = (i: number): Uint8Array =>
      bytes(']', 'q', i, '(', ...Array<Uint8Array>(10).fill(bytes('h', i - 1)), 'e')
    const bomb = bytes(op.proto, ']q', 0, ...Array.from({ length: 40 }, (_, i) => layer(i + 1)), '.')
    within(1000, () => expect(read(bomb)).toMatchObject({ _tag: 'List' }))
  })
  it('by a list within itself', () => {
    within(1000, () => expect(read(']q', 0, 'h', 0, 'a.')).toMatchObject({ _tag: 'List' }))
  })
  it.each([
    ['nesting', bytes(repeated('(', 5e5), 'N', repeated('t', 5e5), '.')],
    ['nested lists', bytes(repeated(']', 5e5), repeated('a', 5e5 - 1), '.')],
    ['nested tuples', bytes('N', Buffer.alloc(5e5, 0x85), '.')],
    ['a list of half a million', bytes('](', repeated('N', 5e5), 'e.')],
  ])('by %s is read all the same', (_, pickle) => {
    within(20_000, () => expect(read(pickle)).toMatchObject({ items: expect.anything() }))
  })
  it.each([
    ['marks', repeated('(', 25e5)],
    ['dicts', repeated('}', 25e5)],
    ['copies', bytes('N', repeated('2', 25e5))],
    ['memos', bytes('N', Buffer.alloc(25e5, 0x94))],
    ['steps', bytes(repeated('N0', 12e5), 'N.')],
  ])('by millions of %s is refused', (_, pickle) => {
    within(20_000, () => expect(refusal(pickle)).toMatchObject({ problem: 'unsupported' }))
  })
})

describe('any bytes', () => {
  const file = (name: string): Promise<Uint8Array> =>
    readFile(fileURLToPath(new URL(`fixtures/${name}.bin`, import.meta.url)))
  /** A value or a `FileError`; nothing else. */
  const total = (pickle: Uint8Array): void => {
    try {
      unpickle('x.bin', pickle)
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      expect(['corrupt', 'unsupported']).toContain(error.problem)
    }
  }
  it('are a value or a FileError', () => {
    const opcodes = [...Buffer.from('(.012NJKMGXTUBC})]tldaesuqrhjcRbQ'), ...[0x80, 0x85, 0x86, 0x87, 0x88, 0x93, 0x94]]
    const written = fc.array(
      fc.oneof(
        fc.constantFrom(...opcodes).map((o) => Uint8Array.of(o)),
        fc
          .constantFrom(op.global('collections', 'OrderedDict'), op.global('torch', 'Size'), op.text('storage'))
          .map((p) => bytes(p)),
        fc.uint8Array({ maxLength: 5 }),
      ),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(
        written.map((parts) => bytes(...parts, '.')),
        total,
      ),
      { numRuns: 5000 },
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), total), { numRuns: 3000 })
  })
  it('likewise where torch’s own are cut off or changed', async () => {
    const whole = await file('nested')
    const start = whole.indexOf(0x80)
    const pickle = whole.slice(start)
    for (let end = 0; end < 700; end++) total(pickle.slice(0, end))
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(700), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
        const changed = pickle.slice()
        for (const [at, value] of changes) changed[at] = value
        total(changed)
      }),
      { numRuns: 3000 },
    )
  })
})
