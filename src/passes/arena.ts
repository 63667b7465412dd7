/** One block of memory for everything that lives only during a run: values whose lives do not meet share its bytes. */
import { elementBytes } from '../codegen/kernel.ts'
import type { Program } from '../codegen/program.ts'

/** Where each scratch buffer lies, in bytes from the start, and how many bytes there are. */
export type Arena = { readonly offsets: ReadonlyMap<number, number>; readonly bytes: number }

/** What a device asks of its memory. */
export type ArenaOptions = {
  /** Where values begin: multiples of so many bytes. */
  readonly alignment?: number
  /** Bytes after each value that may be read. */
  readonly slack?: number
  /** No value lies across a multiple of so many bytes, unless it is larger: then it begins at one. */
  readonly segment?: number
  /** Do outputs lie there too, until the end of the run? */
  readonly outputs?: boolean
}

type Life = { readonly buffer: number; readonly bytes: number; readonly from: number; to: number }

const unless = (options: ArenaOptions) => ({ alignment: 64, slack: 16, segment: Infinity, outputs: false, ...options })

const livesOf = (program: Program, options: ArenaOptions): Life[] => {
  const { alignment, slack, outputs } = unless(options)
  const aligned = (bytes: number): number => Math.ceil((bytes + slack) / alignment) * alignment
  const lives = new Map<number, Life>()
  program.every.forEach(({ operands }, at) => {
    for (const buffer of operands) {
      const { purpose, element, length } = program.buffers[buffer]!
      if (purpose._tag !== 'Scratch' && !(outputs && purpose._tag === 'Output')) continue
      const there = lives.get(buffer)
      if (there !== undefined) there.to = at
      else lives.set(buffer, { buffer, bytes: aligned(length * elementBytes(element)), from: at, to: at })
    }
  })
  if (outputs) for (const id of program.outputs) if (lives.has(id)) lives.get(id)!.to = program.every.length
  return [...lives.values()]
}

/**
 * The most bytes that are alive at once, each value as large as `arena` makes it: no plan for this order of kernels takes less, and one
 * that takes as much wastes nothing.
 */
export const livenessBound = (program: Program, options: ArenaOptions = {}): number => {
  const change = new Array<number>(program.every.length + 2).fill(0)
  for (const { from, to, bytes } of livesOf(program, options)) {
    change[from]! += bytes
    change[to + 1]! -= bytes
  }
  let [now, most] = [0, 0]
  for (const c of change) {
    now += c
    most = Math.max(most, now)
  }
  return most
}

/**
 * Places the largest first, each as low as it fits among those it meets. Unless told otherwise, values begin on lines of the cache, and
 * vectors may read, though not write, up to 12 bytes past their ends.
 */
export const arena = (program: Program, options: ArenaOptions = {}): Arena => {
  const { segment } = unless(options)
  const whole = (offset: number, bytes: number): number => {
    const end = (Math.floor(offset / segment) + 1) * segment
    return offset + bytes <= end || offset % segment === 0 ? offset : end
  }
  const placed: { readonly life: Life; readonly offset: number }[] = []
  const offsets = new Map<number, number>()
  let bytes = 0
  for (const life of livesOf(program, options).toSorted((a, b) => b.bytes - a.bytes)) {
    const met = placed
      .filter(({ life: other }) => other.from <= life.to && life.from <= other.to)
      .toSorted((a, b) => a.offset - b.offset)
    let offset = 0
    for (const other of met) {
      if (other.offset - offset >= life.bytes) break
      offset = whole(Math.max(offset, other.offset + other.life.bytes), life.bytes)
    }
    placed.push({ life, offset })
    offsets.set(life.buffer, offset)
    bytes = Math.max(bytes, offset + life.bytes)
  }
  return { offsets, bytes }
}
