import fc from 'fast-check'
import { either as E } from 'fp-ts'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { widen } from '../../src/core/dtype.ts'
import { FileError } from '../../src/errors.ts'
import { folder } from '../../src/params/files/folder.ts'
import { memory } from '../../src/params/files/memory.ts'
import { torchZip } from '../../src/params/torch-zip.ts'
import { bytes, dictOf, op, tensor, zip, type ZipMember } from './pickles.ts'
import { bytesOf, left, right } from './written.ts'

const fixtures = fileURLToPath(new URL('fixtures', import.meta.url))
const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))
type Expected = Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>>
const expected = JSON.parse(readFileSync(`${fixtures}/expected.json`, 'utf8')) as Readonly<Record<string, Expected>>

const open = (content: Uint8Array): ReturnType<typeof torchZip> => torchZip(memory('m', { x: content }), 'x')

describe('files of torch.save', () => {
  it.each(Object.entries(expected))('%s', async (name, tensors) => {
    const entries = await right(torchZip(folder(fixtures), `${name}.bin`))
    expect([...entries.keys()].toSorted()).toEqual(Object.keys(tensors).toSorted())
    for (const [key, entry] of entries) {
      const { shape, values } = tensors[key]!
      expect(entry.shape).toEqual(shape)
      const read = widen(entry.dtype, await right(entry.read))
      expect([...read], key).toEqual(values.map((v) => (entry.dtype === 'f32' ? Math.fround(v) : v)))
    }
  })
  it('say their element types', async () => {
    const entries = await right(torchZip(folder(fixtures), 'dtypes.bin'))
    const types = Object.fromEntries([...entries].map(([key, e]) => [key, [e.dtype, e.stored, e.bytes]]))
    expect(types).toMatchObject({
      f32: ['f32', 'F32', 96],
      f16: ['f16', 'F16', 48],
      bf16: ['bf16', 'BF16', 48],
      f64: ['f32', 'F64', 192],
      i64: ['i32', 'I64', 16],
      bool: ['bool', 'BOOL', 2],
      scalar: ['f32', 'F32', 4],
      empty: ['f32', 'F32', 0],
    })
  })
  it('of diffusers', async () => {
    const entries = await right(torchZip(folder(`${recordings}/unet2d_bin`), 'diffusion_pytorch_model.bin'))
    expect(entries.get('conv_in.weight')).toMatchObject({ dtype: 'f32', shape: [4, 3, 3, 3] })
    for (const entry of entries.values()) expect((await right(entry.read)).length).toBe(entry.bytes / 4)
  })
  it.each([
    ['legacy', 'before torch 1.6'],
    ['whole_module', 'torch.nn.modules.linear.Linear'],
    ['expanded', 'repeats'],
    ['complex', 'ComplexFloatStorage'],
    ['conjugate', 'negated'],
    ['sparse', '_rebuild_sparse_tensor'],
    ['u16', '_rebuild_tensor_v3'],
    ['f8', '_rebuild_tensor_v3'],
    ['tensor', 'no dict'],
    ['dtype', 'torch.float16'],
    ['device', 'torch.device'],
    ['set', '__builtin__.set'],
  ])('that hold more than tensors, or none of ours, are refused: %s', async (name, says) => {
    const error = await left(torchZip(folder(fixtures), `refused_${name}.bin`))
    expect(error).toMatchObject({ problem: 'unsupported', path: `refused_${name}.bin` })
    expect(error.message).toContain(says)
  })
  it('whose numbers do not fit are refused when they are read', async () => {
    const entries = await right(torchZip(folder(fixtures), 'refused_too_big.bin'))
    expect(await left(entries.get('a')!.read)).toMatchObject({ problem: 'unsupported' })
  })
})

describe('archives of tensors', () => {
  const data = bytesOf(Float32Array.from({ length: 6 }, (_, i) => i))
  const archive = (pickle: Uint8Array, more: readonly ZipMember[] = [{ name: 'm/data/0', data }]): Uint8Array =>
    zip([{ name: 'm/data.pkl', data: pickle }, ...more])
  const one = (shape: readonly number[], strides: readonly number[], offset = 0, count = 6): Uint8Array =>
    archive(dictOf({ a: tensor('0', count, shape, strides, offset) }))

  it('are read', async () => {
    const entries = await right(open(one([2, 2], [1, 2], 1)))
    expect(await right(entries.get('a')!.read)).toEqual(Float32Array.of(1, 3, 2, 4))
  })
  it.each<readonly [string, Uint8Array, string]>([
    ['a storage that is not there', archive(dictOf({ a: tensor('9', 6, [6], [1]) })), 'corrupt'],
    ['a storage somewhere else', archive(dictOf({ a: tensor('../../x', 6, [6], [1]) })), 'corrupt'],
    ['more than the storage', one([7], [1]), 'corrupt'],
    ['more than the storage, by its offset', one([6], [1], 1), 'corrupt'],
    ['more than the storage, by its strides', one([2, 2], [5, 1]), 'corrupt'],
    ['more than the file has', one([7], [1], 0, 7), 'corrupt'],
    ['extents beyond counting', one([2 ** 31 - 1, 2 ** 31 - 1], [0, 0]), 'corrupt'],
    ['strides beyond counting', one([2 ** 31 - 1, 1], [2 ** 31 - 1, 1]), 'corrupt'],
    ['elements repeated', one([1000, 1000], [0, 0]), 'unsupported'],
    ['no dict', archive(bytes(op.proto, ']', '.')), 'unsupported'],
    ['a call', archive(bytes(op.proto, op.global('os', 'system'), '(', op.text('true'), 'tR.')), 'unsupported'],
    ['no pickle', zip([{ name: 'm/other', data }]), 'unsupported'],
    ['no bytes', archive(bytes()), 'corrupt'],
    ['a big-endian order', archive(dictOf({}), [{ name: 'm/byteorder', data: Buffer.from('big') }]), 'unsupported'],
    ['a compressed pickle', zip([{ name: 'm/data.pkl', data, method: 8, plain: 2 ** 31 }]), 'unsupported'],
    ['an encrypted pickle', zip([{ name: 'm/data.pkl', data: dictOf({}), flags: 1 }]), 'unsupported'],
    ['nothing', bytes(), 'corrupt'],
    ['a text', bytes('version https://git-lfs.github.com/spec/v1\n'), 'corrupt'],
  ])('with %s are refused', async (_, content, problem) => {
    expect(await left(open(content))).toMatchObject({ problem, path: 'x' })
  })
  it('with a compressed tensor are refused when it is read', async () => {
    const member = { name: 'm/data/0', data, method: 8, plain: 24 }
    const entries = await right(open(archive(dictOf({ a: tensor('0', 6, [6], [1]) }), [member])))
    expect(await left(entries.get('a')!.read)).toMatchObject({ problem: 'unsupported' })
  })
})

describe('any bytes', () => {
  const whole = readFileSync(`${fixtures}/nested.bin`)
  /** Tensors or a `FileError`, from the file and from every tensor in it. */
  const total = async (content: Uint8Array): Promise<void> => {
    const opened = await open(content)()
    const read = E.isLeft(opened) ? [opened] : await Promise.all([...opened.right.values()].map((e) => e.read()))
    for (const result of read) if (E.isLeft(result)) expect(result.left).toBeInstanceOf(FileError)
  }
  it('are tensors or a FileError, where torch’s own are cut off', async () => {
    for (let end = 0; end < whole.length; end += 7) {
      expect(E.isLeft(await open(whole.subarray(0, end))())).toBe(true)
      await total(whole.subarray(end))
    }
  })
  it('or changed', async () => {
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        const changed = Uint8Array.from(whole)
        for (const [at, value] of list) changed[at] = value
        await total(changed)
      }),
      { numRuns: 2000 },
    )
  })
  it('or bits flipped in the directory', async () => {
    const start = whole.indexOf('PK\x01\x02')
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: start, max: whole.length - 1 }), fc.nat(7), async (at, bit) => {
        const changed = Uint8Array.from(whole)
        changed[at]! ^= 1 << bit
        await total(changed)
      }),
      { numRuns: 1000 },
    )
  })
  it('or made up', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), total), { numRuns: 500 })
    const framed = fc.uint8Array({ maxLength: 300 }).map((pickle) => zip([{ name: 'm/data.pkl', data: pickle }]))
    await fc.assert(fc.asyncProperty(framed, total), { numRuns: 500 })
  })
})
