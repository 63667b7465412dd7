/** Element types, and how each is kept in memory. */

/**
 * `f32` is what programs compute in. `f16` and `bf16` are storage only: a value of theirs is widened, exactly, to f32 where it is read.
 * `bool` is kept as one byte, 0 or 1.
 */
export type DType = 'f32' | 'f16' | 'bf16' | 'i32' | 'u32' | 'bool'

/** The typed array that keeps values of a dtype. f16 and bf16 are kept as their 16 bits. */
export type Storage = Float32Array | Uint16Array | Int32Array | Uint32Array | Uint8Array

/** Bytes per element. */
export const bytesOf = { f32: 4, f16: 2, bf16: 2, i32: 4, u32: 4, bool: 1 } as const satisfies Record<DType, number>

/** What an op sees when it reads a value of this dtype. */
export const computed = (dtype: DType): Exclude<DType, 'f16' | 'bf16'> =>
  dtype === 'f16' || dtype === 'bf16' ? 'f32' : dtype

/** Fresh storage for `length` elements. */
export const allocate = (dtype: DType, length: number): Storage => {
  switch (dtype) {
    case 'f32':
      return new Float32Array(length)
    case 'f16':
    case 'bf16':
      return new Uint16Array(length)
    case 'i32':
      return new Int32Array(length)
    case 'u32':
      return new Uint32Array(length)
    case 'bool':
      return new Uint8Array(length)
  }
}

const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)

/** IEEE 754 binary16 → number, exact. */
export const fromHalf = (h: number): number => {
  const sign = h & 0x8000 ? -1 : 1
  const exponent = (h >> 10) & 0x1f
  const fraction = h & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** number → IEEE 754 binary16, to nearest, ties to even. */
export const toHalf = (x: number): number => {
  if (Number.isNaN(x)) return 0x7e00
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0
  const a = Math.abs(x)
  if (a >= 65520) return sign | 0x7c00
  const exponent = a < 2 ** -14 ? -14 : Math.floor(Math.log2(a))
  // log2 may round up just below a power of two; the scaled value then falls short of 1024 and is still right, being exact.
  const scaled = a * 2 ** (10 - exponent)
  const floor = Math.floor(scaled)
  const rest = scaled - floor
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
  return sign | (a < 2 ** -14 ? rounded : rounded - 1024 + ((exponent + 15) << 10))
}

/** bfloat16 → number, exact. */
export const fromBrain = (b: number): number => {
  bits[0] = b << 16
  return float[0]!
}

/** number → bfloat16, to nearest, ties to even. */
export const toBrain = (x: number): number => {
  float[0] = x
  const u = bits[0]!
  if (Number.isNaN(x)) return 0x7fc0
  return ((u + 0x7fff + ((u >>> 16) & 1)) >>> 16) & 0xffff
}

const halves = { table: undefined as Float32Array | undefined }

/** 16-bit storage → f32, exactly; other storage is returned as it is. */
export const widen = (dtype: DType, data: Storage): Storage => {
  switch (dtype) {
    case 'f16': {
      const table = (halves.table ??= Float32Array.from({ length: 65536 }, (_, i) => fromHalf(i)))
      const out = new Float32Array(data.length)
      for (let i = 0; i < out.length; i++) out[i] = table[data[i]!]!
      return out
    }
    case 'bf16': {
      const out = new Uint32Array(data.length)
      for (let i = 0; i < out.length; i++) out[i] = data[i]! << 16
      return new Float32Array(out.buffer)
    }
    case 'f32':
    case 'i32':
    case 'u32':
    case 'bool':
      return data
  }
}
