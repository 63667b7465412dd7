/** Values between the host and a memory: bools are words there, 16-bit floats widened unless they are a leaf's. */
import { allocate, toBrain, toHalf, widen, type DType, type Storage } from '../../core/dtype.ts'
import type { Element } from '../../codegen/kernel.ts'

/** Writes storage of a dtype as elements. */
export const write = (memory: WebAssembly.Memory, at: number, element: Element, dtype: DType, data: Storage): void => {
  const { buffer } = memory
  if (element === 'f16' || element === 'bf16') return new Uint16Array(buffer, at, data.length).set(data)
  const wide = widen(dtype, data)
  if (wide instanceof Float32Array) new Float32Array(buffer, at, wide.length).set(wide)
  else new Int32Array(buffer, at, wide.length).set(wide)
}

/** Reads elements as storage of a dtype. */
export const readValues = (memory: WebAssembly.Memory, at: number, dtype: DType, length: number): Storage => {
  const out = allocate(dtype, length)
  const { buffer } = memory
  if (dtype === 'f16' || dtype === 'bf16') {
    const values = new Float32Array(buffer, at, length)
    const round = dtype === 'f16' ? toHalf : toBrain
    for (let i = 0; i < length; i++) out[i] = round(values[i]!)
  } else if (dtype === 'f32') out.set(new Float32Array(buffer, at, length))
  else out.set(new Int32Array(buffer, at, length))
  return out
}
