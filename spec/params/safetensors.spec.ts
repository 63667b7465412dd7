import fc from 'fast-check'
import { either as E } from 'fp-ts'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, test } from 'vitest'
import { FileError } from '../../src/errors.ts'
import type { Files } from '../../src/params/files/files.ts'
import { folder } from '../../src/params/files/folder.ts'
import { memory } from '../../src/params/files/memory.ts'
import { safetensors } from '../../src/params/safetensors.ts'
import { widen } from '../../src/core/dtype.ts'
import { readRecording } from '../reference/safetensors.ts'
import { bytesOf, framed, left, right, small, written } from './written.ts'

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))
const files = (bytes: Uint8Array): Files => memory('spec', { x: bytes })
const open = (bytes: Uint8Array): ReturnType<typeof safetensors> => safetensors(files(bytes), 'x')

describe('recorded files', () => {
  it.each([
    ['unet2d_f16', 'diffusion_pytorch_model.safetensors', 'f16'],
    ['unet2d_bf16', 'diffusion_pytorch_model.safetensors', 'bf16'],
    ['unet2d_sharded', 'diffusion_pytorch_model-00002-of-00003.safetensors', 'f32'],
    ['unet2d_ddpm', 'diffusion_pytorch_model.safetensors', 'f32'],
    ['unet2d_ddpm', 'io.safetensors', 'f32'],
  ])('%s/%s reads as an independent reader has it', async (model, file, dtype) => {
    const want = await readRecording(join(recordings, model, file))
    const got = await right(safetensors(folder(join(recordings, model)), file))
    expect([...got.keys()].toSorted()).toEqual([...want.keys()].toSorted())
    expect(new Set([...got.values()].map((e) => e.dtype))).toContain(dtype)
    for (const [name, entry] of got) {
      const { shape, values, dtype: stored } = want.get(name)!
      expect([entry.shape, entry.stored]).toEqual([shape, stored])
      const data = await right(entry.read)
      // What is stored in more than 32 bits is read as f32.
      const expected = entry.dtype.startsWith('i') ? Int32Array.from(values) : Float32Array.from(values)
      expect(widen(entry.dtype, data), name).toEqual(expected)
    }
  })
})

describe('element types', () => {
  const one = async (dtype: string, data: ArrayBufferView, shape: readonly number[]): Promise<unknown> => {
    const bytes = bytesOf(data)
    // An odd byte before it: the tensor's bytes are aligned to nothing in the file.
    const header = {
      a: { dtype: 'U8', shape: [1], data_offsets: [0, 1] },
      t: { dtype, shape, data_offsets: [1, 1 + bytes.length] },
    }
    const entry = (await right(open(written(header, bytesOf(Uint8Array.of(7), bytes))))).get('t')!
    expect(entry).toMatchObject({ shape, stored: dtype, bytes: bytes.length })
    const values = await right(entry.read)
    expect(values.byteOffset).toBe(0)
    return [entry.dtype, values]
  }
  it('are read as ours', async () => {
    const numbers = [0, 1, -2.5, Infinity]
    expect(await one('F32', Float32Array.from(numbers), [2, 2])).toEqual(['f32', Float32Array.from(numbers)])
    expect(await one('F64', Float64Array.of(0.1, -1e300), [2])).toEqual(['f32', Float32Array.of(0.1, -Infinity)])
    expect(await one('F16', Uint16Array.of(0x3c00, 1), [2])).toEqual(['f16', Uint16Array.of(0x3c00, 1)])
    expect(await one('BF16', Uint16Array.of(0x3f80), [])).toEqual(['bf16', Uint16Array.of(0x3f80)])
    expect(await one('I32', Int32Array.of(-5), [1])).toEqual(['i32', Int32Array.of(-5)])
    expect(await one('U32', Uint32Array.of(2 ** 32 - 1), [1])).toEqual(['u32', Uint32Array.of(2 ** 32 - 1)])
    expect(await one('I16', Int16Array.of(-5, 9), [2])).toEqual(['i32', Int32Array.of(-5, 9)])
    expect(await one('U16', Uint16Array.of(65535), [1])).toEqual(['i32', Int32Array.of(65535)])
    expect(await one('I8', Int8Array.of(-128), [1])).toEqual(['i32', Int32Array.of(-128)])
    expect(await one('U8', Uint8Array.of(255), [1])).toEqual(['i32', Int32Array.of(255)])
    expect(await one('U64', BigUint64Array.of(5n), [1])).toEqual(['i32', Int32Array.of(5)])
    expect(await one('BOOL', Uint8Array.of(0, 1, 255), [3])).toEqual(['bool', Uint8Array.of(0, 1, 1)])
    expect(await one('F32', new Float32Array(0), [3, 0])).toEqual(['f32', new Float32Array(0)])
  })
  it('of 64 bits must fit in 32', async () => {
    const ints = fc.array(fc.oneof(fc.integer().map(BigInt), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })))
    await fc.assert(
      fc.asyncProperty(ints, async (xs) => {
        const header = { t: { dtype: 'I64', shape: [xs.length], data_offsets: [0, 8 * xs.length] } }
        const entry = (await right(open(written(header, bytesOf(BigInt64Array.from(xs)))))).get('t')!
        const got = await entry.read()
        if (xs.every((x) => BigInt.asIntN(32, x) === x)) expect(got).toEqual(E.right(Int32Array.from(xs, Number)))
        else expect(got).toMatchObject(E.left({ problem: 'unsupported' }))
      }),
    )
  })
  it.each(['F8_E4M3', 'F8_E5M2', 'F4', 'C64', 'f32', 'toString', ''])('%j is unsupported', async (dtype) => {
    const error = await left(open(written({ t: { dtype, shape: [1], data_offsets: [0, 1] } }, new Uint8Array(1))))
    expect(error).toMatchObject({ path: 'x', problem: 'unsupported' })
    expect(error.message).toContain('BF16')
  })
})

describe('the rules of the format', () => {
  const t = { dtype: 'F32', shape: [1], data_offsets: [0, 4] }
  const four = new Uint8Array(4)
  const max = Number.MAX_SAFE_INTEGER
  const wrong: readonly (readonly [string, Uint8Array, string])[] = [
    ['nothing', new Uint8Array(0), 'no safetensors file'],
    ['less than a length', new Uint8Array(7), 'no safetensors file'],
    ['no header', framed(0n), 'begin with {'],
    ['a header past the end', framed(3n, new Uint8Array(2)), 'within its header'],
    ['a header of 2^40 bytes', framed(2n ** 40n, new Uint8Array(9)), 'more than 100000000'],
    ['a header of 2^64 − 1 bytes', framed(2n ** 64n - 1n, new Uint8Array(9)), 'more than'],
    ['a space before the header', written(' {}'), 'begin with {'],
    ['a byte order mark before the header', written('\ufeff{}'), 'begin with {'],
    ['a list', written('[]'), 'begin with {'],
    ['no JSON', written('{"a":'), 'no JSON'],
    ['more after the header', written('{}}'), 'no JSON'],
    ['zeros after the header', written('{}\0\0'), 'no JSON'],
    ['no UTF-8', framed(4n, Uint8Array.of(0x7b, 0x22, 0xff, 0x7d)), 'no UTF-8'],
    ['a tensor that is no object', written({ t: 1 }), 'no object'],
    ['a tensor that is null', written({ t: null }), 'no object'],
    ['a tensor that is a list', written({ t: [] }), 'no object'],
    ['no dtype', written({ t: { shape: [1], data_offsets: [0, 4] } }, four), 'no dtype'],
    ['no shape', written({ t: { dtype: 'F32', data_offsets: [0, 4] } }, four), 'shape'],
    ['no offsets', written({ t: { dtype: 'F32', shape: [1] } }, four), 'data_offsets'],
    ['a negative dimension', written({ t: { ...t, shape: [-1] } }, four), 'shape'],
    ['a broken dimension', written({ t: { ...t, shape: [0.5] } }, four), 'shape'],
    ['a dimension beyond 2^53', written(`{"t":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}`), 'sh'],
    ['a dimension of text', written({ t: { ...t, shape: ['1'] } }, four), 'shape'],
    ['one offset', written({ t: { ...t, data_offsets: [4] } }, four), 'data_offsets'],
    ['three offsets', written({ t: { ...t, data_offsets: [0, 4, 4] } }, four), 'data_offsets'],
    ['a negative offset', written({ t: { ...t, data_offsets: [-4, 0] } }, four), 'data_offsets'],
    ['an offset of 1e400', written('{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,1e400]}}'), 'data_offsets'],
    ['an end before its start', written({ t: { ...t, data_offsets: [4, 0] } }, four), 'no valid data_offsets'],
    ['fewer bytes than its shape', written({ t: { ...t, shape: [2] } }, four), 'takes 8'],
    ['more bytes than its shape', written({ t: { ...t, shape: [0] } }, four), 'takes 0'],
    ['a shape that overflows', written({ t: { ...t, shape: [max, max, max] } }, four), 'shape'],
    ['an end past the data', written({ t: { ...t, data_offsets: [4, 8] } }, four), 'a hole or an overlap'],
    ['2^40 bytes', written({ t: { ...t, shape: [2 ** 38], data_offsets: [0, 2 ** 40] } }, four), 'has 4 bytes of data'],
    ['two tensors in one place', written({ t, u: t }, four), 'a hole or an overlap'],
    [
      'data before the first',
      written({ t: { ...t, data_offsets: [4, 8] } }, new Uint8Array(8)),
      'a hole or an overlap',
    ],
    ['data after the last', written({ t }, new Uint8Array(5)), 'has 5 bytes of data'],
    ['data and no tensors', written({}, four), 'has 4 bytes of data'],
    ['a name given twice', written(`{"t":${JSON.stringify(t)},"\\u0074":${JSON.stringify(t)}}`, four), 'twice'],
    [
      'a field given twice',
      written('{"t":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
      'twice',
    ],
    ['metadata that is no map', written({ __metadata__: 'pt', t }, four), '__metadata__'],
    ['metadata of numbers', written({ __metadata__: { a: 1 }, t }, four), '__metadata__'],
    ['metadata given twice', written('{"__metadata__":{"a":"1","a":"1"}}'), 'twice'],
  ]
  it.each(wrong)('%s: is refused', async (_, bytes, message) => {
    const error = await left(open(bytes))
    expect(error).toMatchObject({ path: 'x', problem: 'corrupt' })
    expect(error.message).toContain(message)
    expect(error.message.length).toBeLessThan(600)
  })
  it.each([
    ['no tensors', written('{}')],
    ['metadata alone', written({ __metadata__: { format: 'pt', 'a{"b': '}:"' } })],
    ['padding after the header', written(`${JSON.stringify({ t })}   `, four)],
    ['fields that are not known', written({ t: { ...t, more: [{}] } }, four)],
    ['empty tensors between others', written({ t, u: { ...t, shape: [0], data_offsets: [0, 0] } }, four)],
    ['tensors in another order than their bytes', written({ u: { ...t, data_offsets: [4, 8] }, t }, new Uint8Array(8))],
  ])('%s: is accepted', async (_, bytes) => {
    await right(open(bytes))
  })
  it('names of every kind are only names', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(
          fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor', 'toString', '')),
        ),
        async (names) => {
          const header = `{${names
            .filter((n) => n !== '__metadata__')
            .map((n, i) => `${JSON.stringify(n)}:{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`)
            .join(',')}}`
          const got = await open(
            written(
              header,
              Uint8Array.from(names, (_, i) => i),
            ),
          )()
          if (E.isLeft(got)) throw got.left
          expect([...got.right.keys()].toSorted()).toEqual([...names].toSorted())
          for (const [i, name] of names.entries())
            expect(await right(got.right.get(name)!.read)).toEqual(Int32Array.of(i % 256))
        },
      ),
    )
    expect(({} as Record<string, unknown>)['dtype']).toBeUndefined()
  })
})

describe('a file that may be anything', () => {
  /** Reads all there is: `Right`, or `Left` of a `FileError`; whatever is thrown fails the spec. */
  const survives = async (bytes: Uint8Array): Promise<void> => {
    const got = await open(bytes)()
    if (E.isLeft(got)) return void expect(got.left).toBeInstanceOf(FileError)
    for (const entry of got.right.values()) {
      const data = await entry.read()
      if (E.isLeft(data)) expect(data.left).toBeInstanceOf(FileError)
      else expect(data.right.length).toBe(entry.shape.reduce((a, b) => a * b, 1))
    }
  }
  const runs = { numRuns: 2000 }
  test('random bytes', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), survives), runs)
  })
  test('random headers', async () => {
    const dtype = fc.constantFrom('F32', 'F64', 'I64', 'U8', 'BOOL', 'F8_E4M3')
    const count = fc.oneof(fc.nat(5), fc.maxSafeInteger(), fc.double(), fc.constant(2 ** 40))
    const tensor = fc.record(
      { dtype, shape: fc.array(count, { maxLength: 3 }), data_offsets: fc.array(count, { maxLength: 3 }) },
      { requiredKeys: [] },
    )
    const header = fc.oneof(fc.dictionary(fc.string(), fc.oneof(tensor, fc.anything())), fc.json())
    await fc.assert(
      fc.asyncProperty(header, fc.uint8Array({ maxLength: 40 }), (h, data) =>
        survives(
          written(
            typeof h === 'string'
              ? h
              : (JSON.stringify(h, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)) ?? ''),
            data,
          ),
        ),
      ),
      runs,
    )
  })
  test('changed bytes and cut ends of a right one', async () => {
    const whole = await readFile(join(recordings, 'unet2d_f16', 'diffusion_pytorch_model.safetensors'))
    const length = 8 + Number(whole.readBigUInt64LE(0))
    const change = fc.tuple(fc.nat(length - 1), fc.nat(255))
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 4 }), fc.option(fc.nat(whole.length)), async (changes, cut) => {
        const bytes = new Uint8Array(whole)
        for (const [at, to] of changes) bytes[at] = to
        await survives(cut === null ? bytes : bytes.subarray(0, cut))
      }),
      { numRuns: 300 },
    )
    for (let cut = 0; cut < 20; cut++) await left(open(new Uint8Array(whole.subarray(0, whole.length - 1 - cut * 100))))
  })
  test('a reader that returns less than it was asked for', async () => {
    const base = files(small('a'))
    const short: Files = { ...base, read: (path, start, end) => base.read(path, start, end - (start > 8 ? 1 : 0)) }
    const entries = await right(safetensors(short, 'x'))
    expect(await left(entries.get('a')!.read)).toMatchObject({ problem: 'corrupt' })
  })
  test('a reader whose buffers are shared with others', async () => {
    const base = files(small('a', 'b'))
    const shared: Files = {
      ...base,
      read: (path, start, end) => async () =>
        E.right(
          new Uint8Array(Buffer.concat([new Uint8Array(3), await right(base.read(path, start, end))])).subarray(3),
        ),
    }
    const entries = await right(safetensors(shared, 'x'))
    expect(await right(entries.get('b')!.read)).toEqual(Float32Array.of(2, 3))
  })
})
