/** Blocks of one WebAssembly memory, which grows as it must and never shrinks; what is freed is used again. */
import { DeviceError } from '../../errors.ts'

const page = 65536
const mostPages = 65536
// Address 0 is no block, and words of the first page are for threads.
const first = page

type Free = { start: number; end: number }

/** A memory and its blocks. */
export class Heap {
  readonly memory: WebAssembly.Memory
  readonly shared: boolean
  readonly #free: Free[] = []
  readonly #sizes = new Map<number, number>()
  #end = first
  #bytes = 0

  constructor(shared: boolean) {
    this.shared = shared
    this.memory = new WebAssembly.Memory({ initial: 16, maximum: mostPages, shared })
  }

  /** Blocks in use, and their bytes. */
  get used(): { readonly values: number; readonly bytes: number } {
    return { values: this.#sizes.size, bytes: this.#bytes }
  }

  /** The address of a fresh block, of whole lines of the cache. Rejects what exceeds 4 GiB with a `DeviceError`. */
  allocate(bytes: number): number {
    // Vectors may read up to 12 bytes past the end.
    const need = Math.ceil((bytes + 16) / 64) * 64
    let best: Free | undefined
    for (const f of this.#free)
      if (f.end - f.start >= need && (best === undefined || f.end - f.start < best.end - best.start)) best = f
    const at = best === undefined ? this.#extend(need) : best.start
    if (best !== undefined) {
      best.start += need
      if (best.start === best.end) this.#free.splice(this.#free.indexOf(best), 1)
    }
    this.#sizes.set(at, need)
    this.#bytes += need
    return at
  }

  /** Gives a block back. */
  free(at: number): void {
    const bytes = this.#sizes.get(at)
    if (bytes === undefined) return
    this.#sizes.delete(at)
    this.#bytes -= bytes
    let i = this.#free.findIndex((f) => f.start > at)
    if (i < 0) i = this.#free.length
    this.#free.splice(i, 0, { start: at, end: at + bytes })
    for (const j of [i, i - 1]) {
      const [a, b] = [this.#free[j], this.#free[j + 1]]
      if (a === undefined || b === undefined || a.end !== b.start) continue
      a.end = b.end
      this.#free.splice(j + 1, 1)
    }
    const last = this.#free.at(-1)
    if (last?.end !== this.#end) return
    this.#end = last.start
    this.#free.pop()
  }

  #extend(bytes: number): number {
    const at = this.#end
    const pages = Math.ceil((at + bytes) / page)
    const have = this.memory.buffer.byteLength / page
    // In steps, so that growing seldom happens.
    if (pages > have && !this.#grow(Math.min(mostPages, Math.max(pages, Math.ceil(have * 1.25))), pages, have))
      throw new DeviceError(
        'wasm',
        `${format(bytes)} more than the ${format(this.#bytes)} in use exceed its memory of 4 GiB`,
      )
    this.#end += bytes
    return at
  }

  #grow(wished: number, needed: number, have: number): boolean {
    for (const pages of [wished, needed]) {
      if (pages < needed || pages > mostPages) continue
      try {
        this.memory.grow(pages - have)
        return true
      } catch {
        // The engine has less than that.
      }
    }
    return false
  }
}

const format = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
