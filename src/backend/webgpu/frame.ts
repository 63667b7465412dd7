/** Where the values of a program lie during a run: scratch and results in the device's arena, inputs and numbers in blocks of its own. */
import { elementBytes } from '../../codegen/kernel.ts'
import type { Program } from '../../codegen/program.ts'
import { arena, type ArenaOptions } from '../../passes/arena.ts'
import { alignment } from './cut.ts'

const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment

/** A part of a block; the arena's begins in one of its buffers, put end to end, and mostly lies in it. */
export type Slot = { readonly offset: number; readonly bytes: number }

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

/** How values lie in the arena: results too, until they have been copied. */
export const arenaOptions: ArenaOptions = { alignment, slack: 0, outputs: true }

/** The plan, for blocks of so many bytes, of which only the last is shorter. */
export const frameOf = (program: Program, segment: number): Frame => {
  const { offsets, bytes } = arena(program, { ...arenaOptions, segment })
  const segments: number[] = []
  for (let at = 0; at < bytes; at += segment) segments.push(Math.min(segment, bytes - at))
  const slots = [...offsets].map(([id, at]): [number, Slot] => {
    return [id, { offset: at, bytes: bufferBytes(program, id) }]
  })
  const inputs = new Map<number, Slot>()
  let inputBytes = 0
  for (const id of new Set(program.inputs.toSorted((a, b) => bufferBytes(program, a) - bufferBytes(program, b)))) {
    inputs.set(id, { offset: inputBytes, bytes: bufferBytes(program, id) })
    inputBytes += aligned(Math.max(16, bufferBytes(program, id)))
  }
  const places = program.inputs.map((id, i): Slot => {
    const { purpose } = program.buffers[id]!
    const whole = inputs.get(id)!
    if (purpose._tag !== 'Numbers') return whole
    return { offset: whole.offset + 4 * purpose.inputs.indexOf(i), bytes: 4 }
  })
  return { segments, arena: new Map(slots), inputs, places, inputBytes }
}
