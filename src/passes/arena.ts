/** One block of memory for everything that lives only during a run: values whose lives do not meet share its bytes. */
import { elementBytes } from '../codegen/kernel.ts'
import type { Program } from '../codegen/program.ts'

/** Where each scratch buffer lies, in bytes from the start, and how many bytes there are. */
export type Arena = { readonly offsets: ReadonlyMap<number, number>; readonly bytes: number }

// Whole lines of the cache; and vectors may read, though not write, up to 12 bytes past the end.
const aligned = (bytes: number): number => Math.ceil((bytes + 16) / 64) * 64

type Life = { readonly buffer: number; readonly bytes: number; readonly from: number; to: number }

const livesOf = (program: Program): Life[] => {
  const lives = new Map<number, Life>()
  program.every.forEach(({ operands }, at) => {
    for (const buffer of operands) {
      const { purpose, element, length } = program.buffers[buffer]!
      if (purpose._tag !== 'Scratch') continue
      const there = lives.get(buffer)
      if (there !== undefined) there.to = at
      else lives.set(buffer, { buffer, bytes: aligned(length * elementBytes(element)), from: at, to: at })
    }
  })
  return [...lives.values()]
}

/** Places the largest first, each as low as it fits among those it meets. */
export const arena = (program: Program): Arena => {
  const placed: { readonly life: Life; readonly offset: number }[] = []
  const offsets = new Map<number, number>()
  let bytes = 0
  for (const life of livesOf(program).toSorted((a, b) => b.bytes - a.bytes)) {
    const met = placed
      .filter(({ life: other }) => other.from <= life.to && life.from <= other.to)
      .toSorted((a, b) => a.offset - b.offset)
    let offset = 0
    for (const other of met) {
      if (other.offset - offset >= life.bytes) break
      offset = Math.max(offset, other.offset + other.life.bytes)
    }
    placed.push({ life, offset })
    offsets.set(life.buffer, offset)
    bytes = Math.max(bytes, offset + life.bytes)
  }
  return { offsets, bytes }
}
