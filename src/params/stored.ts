/** The element types of checkpoint files, and how each becomes one of ours. */
import { either as E } from 'fp-ts'
import { allocate, type DType, type Storage } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import { FileError } from '../errors.ts'

/** An element type of a file: `read` turns its bytes, little-endian, into storage; it throws `FileError` where a value has no place there. */
export type Stored = {
  readonly name: string
  readonly bytes: number
  readonly dtype: DType
  readonly read: (path: string, bytes: Uint8Array) => Storage
}

type Maker = {
  new (buffer: ArrayBufferLike, offset: number, length: number): Storage
  readonly BYTES_PER_ELEMENT: number
}

/** The same bytes under another type, copied only where they are not aligned. */
const viewed = (make: Maker, bytes: Uint8Array): Storage => {
  const at = bytes.byteOffset % make.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes)
  return new make(at.buffer, at.byteOffset, at.byteLength / make.BYTES_PER_ELEMENT)
}

const same = (name: string, dtype: DType, make: Maker): Stored => ({
  name,
  dtype,
  bytes: make.BYTES_PER_ELEMENT,
  read: (_, bytes) => viewed(make, bytes),
})

const converted = (name: string, bytes: number, dtype: DType, get: (view: DataView, at: number) => number): Stored => ({
  name,
  dtype,
  bytes,
  read: (path, data) => {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    const out = allocate(dtype, data.byteLength / bytes)
    for (let i = 0; i < out.length; i++) {
      const value = get(view, i * bytes)
      if (dtype === 'i32' && (value | 0) !== value)
        throw new FileError(path, 'unsupported', `value ${value} at ${i} of a tensor of ${name} does not fit 32 bits`)
      out[i] = value
    }
    return out
  },
})

const table: readonly Stored[] = [
  same('F32', 'f32', Float32Array),
  same('F16', 'f16', Uint16Array),
  same('BF16', 'bf16', Uint16Array),
  same('I32', 'i32', Int32Array),
  same('U32', 'u32', Uint32Array),
  converted('BOOL', 1, 'bool', (v, at) => (v.getUint8(at) === 0 ? 0 : 1)),
  converted('F64', 8, 'f32', (v, at) => v.getFloat64(at, true)),
  converted('I64', 8, 'i32', (v, at) => Number(v.getBigInt64(at, true))),
  converted('U64', 8, 'i32', (v, at) => Number(v.getBigUint64(at, true))),
  converted('I16', 2, 'i32', (v, at) => v.getInt16(at, true)),
  converted('U16', 2, 'i32', (v, at) => v.getUint16(at, true)),
  converted('I8', 1, 'i32', (v, at) => v.getInt8(at)),
  converted('U8', 1, 'i32', (v, at) => v.getUint8(at)),
]
const byName = new Map(table.map((s) => [s.name, s]))

/** The element type of this name in safetensors; `Left` where we have none for it, as for those of 8 bits and fewer. */
export const storedOf = (path: string, tensor: string, name: unknown): E.Either<FileError, Stored> => {
  const found = typeof name === 'string' ? byName.get(name) : undefined
  if (found !== undefined) return E.right(found)
  return E.left(
    new FileError(
      path,
      'unsupported',
      `${tensor} is stored as ${JSON.stringify(name)}; known are ${[...byName.keys()].join(', ')}`,
    ),
  )
}

/** The number of elements; undefined for what is no shape: a rank over 64, an extent that is no natural number, a product over 2⁵³. */
export const countOf = (shape: readonly unknown[]): number | undefined => {
  if (shape.length > 64) return undefined
  let count = 1
  for (const d of shape) {
    if (typeof d !== 'number' || !Number.isSafeInteger(d) || d < 0) return undefined
    count *= d
    if (!Number.isSafeInteger(count)) return undefined
  }
  return count
}

/** A shape out of a file, when it is one. */
export const shapeOf = (value: unknown): Shape | undefined =>
  Array.isArray(value) && countOf(value) !== undefined ? (value as number[]).map((d) => d + 0) : undefined
