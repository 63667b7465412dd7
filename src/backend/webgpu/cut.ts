/**
 * Values that are too large for one binding, or for one buffer. A kernel is given them as several windows, each a binding, and finds out which one
 * an element is in. Windows are all of one size, and lie in whole numbers in buffers.
 */
import type { Dispatch } from '../../codegen/kernel.ts'
import type { Access, Capabilities, Use } from '../../codegen/wgsl/shader.ts'
import { padded } from './buffers.ts'
import { fault, figure } from './faults.ts'

/** Bindings begin at multiples of so many bytes on every device. */
export const alignment = 256

/** Bytes of a window, and of those buffers that others follow. */
export type Cut = { readonly window: number; readonly segment: number }

/** Bytes of a window. */
const windowBytes = (maxBinding: number): number => Math.max(alignment, Math.floor(maxBinding / alignment) * alignment)

/** How values are cut where bindings and buffers have so many bytes at most. */
export const cutOf = (maxBinding: number, mostBytes: number): Cut => {
  const window = windowBytes(maxBinding)
  return { window, segment: Math.max(window, Math.floor(mostBytes / window) * window) }
}

/** How an operand of so many bytes is given to a kernel. */
export const useOf = (access: Access, bytes: number, { maxBinding }: Capabilities): Use => {
  const window = windowBytes(maxBinding)
  return padded(bytes) <= maxBinding ? access : { access, windows: Math.ceil(padded(bytes) / window), bytes: window }
}

/** Throws a `DeviceError` where operands of so many bytes are more than a kernel can be given. */
export const demandBindable = (
  { operands, label }: Dispatch,
  bytes: (id: number) => number,
  { maxBinding, maxStorageBuffers }: Capabilities,
): void => {
  const sizes = [...new Set(operands)].map((id) => padded(bytes(id)))
  const windows = sizes.reduce((sum, b) => sum + (b <= maxBinding ? 1 : Math.ceil(b / windowBytes(maxBinding))), 0)
  if (windows <= maxStorageBuffers) return
  throw fault(
    `${label}: values of ${sizes.map(figure).join(', ')}; a kernel on this device is given ${maxStorageBuffers} parts of ${figure(maxBinding)} at most`,
  )
}

/** The sizes of buffers that hold so many bytes. */
export const partsOf = (bytes: number, { segment }: Cut): readonly number[] =>
  Array.from({ length: Math.max(1, Math.ceil(bytes / segment)) }, (_, i) => Math.min(segment, bytes - i * segment))

/** A window of a value of so many bytes that begins at a byte of buffers put end to end. */
export const windowOf = (
  buffers: readonly GPUBuffer[],
  start: number,
  bytes: number,
  window: number,
  cut: Cut,
): GPUBufferBinding => {
  const at = start + window * cut.window
  const index = Math.floor(at / cut.segment)
  const rest = padded(bytes) - window * cut.window
  return { buffer: buffers[index]!, offset: at - index * cut.segment, size: Math.min(rest, cut.window) }
}

/** Pieces of so many bytes that begin at a byte of buffers put end to end: each in one buffer, and how far it is from the first. */
export const piecesOf = (
  buffers: readonly GPUBuffer[],
  start: number,
  bytes: number,
  { segment }: Cut,
): readonly {
  readonly buffer: GPUBuffer
  readonly offset: number
  readonly from: number
  readonly bytes: number
}[] => {
  const pieces = []
  for (let from = 0; from < bytes;) {
    const index = Math.floor((start + from) / segment)
    const offset = start + from - index * segment
    const size = Math.min(bytes - from, segment - offset)
    pieces.push({ buffer: buffers[index]!, offset, from, bytes: size })
    from += size
  }
  return pieces
}
