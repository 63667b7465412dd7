/** Values between the host and a device: bools are words there, 16-bit floats widened unless they are a leaf's. */
import type { Element } from '../../codegen/kernel.ts'
import { allocate, toBrain, toHalf, widen, type DType, type Storage } from '../../core/dtype.ts'

/** Storage of a dtype as the bytes of elements, of whole words. */
export const bytesOfValues = (element: Element, dtype: DType, data: Storage): Uint8Array<ArrayBuffer> => {
  const words = wordsOf(element, dtype, data)
  const { buffer, byteOffset, byteLength } = words
  const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
  if (byteLength % 4 === 0) return bytes
  const whole = new Uint8Array(Math.ceil(byteLength / 4) * 4)
  whole.set(bytes)
  return whole
}

const wordsOf = (element: Element, dtype: DType, data: Storage): Storage => {
  if (element === 'f16' || element === 'bf16') return data
  const wide = widen(dtype, data)
  return wide instanceof Uint8Array ? Uint32Array.from(wide) : wide
}

/** Bytes of a device as storage of a dtype. */
export const valuesOfBytes = (bytes: ArrayBuffer, dtype: DType, length: number): Storage => {
  switch (dtype) {
    case 'f32':
      return new Float32Array(bytes, 0, length)
    case 'i32':
      return new Int32Array(bytes, 0, length)
    case 'u32':
      return new Uint32Array(bytes, 0, length)
    case 'bool':
      return Uint8Array.from(new Uint32Array(bytes, 0, length))
    case 'f16':
    case 'bf16': {
      const out = allocate(dtype, length)
      const round = dtype === 'f16' ? toHalf : toBrain
      new Float32Array(bytes, 0, length).forEach((x, i) => (out[i] = round(x)))
      return out
    }
  }
}
