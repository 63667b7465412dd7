/** A reader of recordings, apart from the library's own: what checks a loader must not be the loader. */
import { readFile } from 'node:fs/promises'

/** Numbers of a recorded tensor; integers of 64 bits as numbers, where they are safe. */
export type Recorded = { readonly dtype: string; readonly shape: readonly number[]; readonly values: Float32Array | Float64Array }

const half = (h: number): number => {
  const [s, e, m] = [h >> 15 ? -1 : 1, (h >> 10) & 31, h & 1023]
  return e === 0 ? s * m * 2 ** -24 : e === 31 ? (m === 0 ? s * Infinity : NaN) : s * (1 + m / 1024) * 2 ** (e - 15)
}
const decoders: Readonly<Record<string, readonly [number, (v: DataView, at: number) => number]>> = {
  F64: [8, (v, at) => v.getFloat64(at, true)],
  F32: [4, (v, at) => v.getFloat32(at, true)],
  F16: [2, (v, at) => half(v.getUint16(at, true))],
  BF16: [2, (v, at) => new Float32Array(Uint32Array.of(v.getUint16(at, true) << 16).buffer)[0]!],
  I64: [8, (v, at) => Number(v.getBigInt64(at, true))],
  I32: [4, (v, at) => v.getInt32(at, true)],
  U8: [1, (v, at) => v.getUint8(at)],
  BOOL: [1, (v, at) => v.getUint8(at)],
}

/** Every tensor of a safetensors file. */
export const readRecording = async (path: string): Promise<ReadonlyMap<string, Recorded>> => {
  const file = await readFile(path)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const length = Number(view.getBigUint64(0, true))
  const header = JSON.parse(file.subarray(8, 8 + length).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  return new Map(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(([name, { dtype, shape, data_offsets: [start, end] }]) => {
        const [bytes, get] = decoders[dtype] ?? [0, (): number => NaN]
        if (bytes === 0) throw new Error(`${path}: ${name} is ${dtype}`)
        const wide = dtype === 'F64' || dtype === 'I64' || dtype === 'I32'
        const count = (end - start) / bytes
        const values = wide ? new Float64Array(count) : new Float32Array(count)
        for (let i = 0; i < count; i++) values[i] = get(view, 8 + length + start + i * bytes)
        return [name, { dtype, shape, values }] as const
      }),
  )
}
