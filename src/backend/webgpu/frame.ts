/** Where the values of a program lie during a run: scratch and results in the device's arena, inputs and numbers in blocks of its own. */
import { elementBytes, type Dispatch } from '../../codegen/kernel.ts'
import type { Program } from '../../codegen/program.ts'
import { arena, type ArenaOptions } from '../../passes/arena.ts'
import { padded } from './buffers.ts'
import { fault, figure } from './faults.ts'

/** Bindings begin at multiples of so many bytes on every device. */
export const alignment = 256

const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment

/** A part of one of several blocks. */
export type Slot = { readonly segment: number; readonly offset: number; readonly bytes: number }

/** The plan of a program's memory on a device. */
export type Frame = {
  /** Bytes of the arena's blocks. */
  readonly segments: readonly number[]
  /** Scratch and outputs, by number of the buffer. */
  readonly arena: ReadonlyMap<number, Slot>
  /** Buffers of inputs in the block of inputs, the smallest first: numbers are written together. */
  readonly inputs: ReadonlyMap<number, Slot>
  /** Where each input of a run goes in that block. */
  readonly places: readonly Slot[]
  readonly inputBytes: number
}

/** Bytes of a program's buffer. */
export const bufferBytes = ({ buffers }: Program, id: number): number => {
  const { length, element } = buffers[id]!
  return length * elementBytes(element)
}

/** Throws a `DeviceError` where a value is larger than what a kernel can be given. */
export const demandBindable = (program: Program, { operands, label }: Dispatch, most: number): void => {
  for (const id of operands) {
    const bytes = padded(bufferBytes(program, id))
    if (bytes <= most) continue
    throw fault(
      `${label}: a value of ${figure(bytes)}; a kernel on this device is given values of ${figure(most)} at most`,
    )
  }
}

/** How values lie in the arena: results too, until they have been copied. */
export const arenaOptions: ArenaOptions = { alignment, slack: 0, outputs: true }

/** The plan, for blocks of at most so many bytes. */
export const frameOf = (program: Program, mostBytes: number): Frame => {
  const segment = Math.floor(mostBytes / alignment) * alignment
  const { offsets, bytes } = arena(program, { ...arenaOptions, segment })
  const segments: number[] = []
  for (let at = 0; at < bytes; at += segment) segments.push(Math.min(segment, bytes - at))
  const slots = [...offsets].map(([id, at]): [number, Slot] => {
    const index = Math.floor(at / segment)
    return [id, { segment: index, offset: at - index * segment, bytes: bufferBytes(program, id) }]
  })
  const inputs = new Map<number, Slot>()
  let inputBytes = 0
  for (const id of new Set(program.inputs.toSorted((a, b) => bufferBytes(program, a) - bufferBytes(program, b)))) {
    inputs.set(id, { segment: 0, offset: inputBytes, bytes: bufferBytes(program, id) })
    inputBytes += aligned(Math.max(16, bufferBytes(program, id)))
  }
  const places = program.inputs.map((id, i): Slot => {
    const { purpose } = program.buffers[id]!
    const whole = inputs.get(id)!
    if (purpose._tag !== 'Numbers') return whole
    return { segment: 0, offset: whole.offset + 4 * purpose.inputs.indexOf(i), bytes: 4 }
  })
  return { segments, arena: new Map(slots), inputs, places, inputBytes }
}
