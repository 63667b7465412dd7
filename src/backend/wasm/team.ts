/** Threads that run programs together: each takes pieces of the same kernels as long as there are any. */
import { helper, words, type Helper, type Leader, type Order } from './workers.ts'

/** The most threads of a program. */
export const mostThreads = 16

/** A module on a memory, and its functions on this thread. */
export type Loaded = { readonly id: number; readonly module: WebAssembly.Module; readonly exports: Exports }

/** The functions of a program: `run` and `once0`, `once1`, …, given the address of its table. */
export type Exports = Readonly<Record<string, (table: number, thread: number) => void>>

/** So many threads, with this one at their head unless a worker leads. */
export class Team {
  readonly threads: number
  readonly #memory: WebAssembly.Memory
  readonly #leader: Leader | undefined
  readonly #helpers: Helper[] = []
  #run = 0

  constructor(threads: number, memory: WebAssembly.Memory, leader?: Leader) {
    this.threads = threads
    this.#memory = memory
    this.#leader = leader
  }

  /**
   * Calls a function of a module's: here if there is little to do, else with all threads. When it is done, no helper is in it any more.
   */
  call(loaded: Loaded, name: string, table: number, large: boolean): Promise<void> | void {
    const call = loaded.exports[name]!
    if (!large || (this.#leader === undefined && this.threads === 1)) return call(table, 0)
    while (this.#helpers.length < this.threads - 1) this.#helpers.push(helper())
    const order = this.#order(loaded, name, table)
    this.#helpers.forEach(({ post }, i) => post({ ...order, thread: i + 1 }))
    if (this.#leader !== undefined) return this.#leader.lead(order)
    try {
      call(table, 0)
    } finally {
      const at = new Int32Array(this.#memory.buffer, 0, 64)
      Atomics.store(at, words.run, order.run + 1)
      while (Atomics.load(at, words.inside) > 0);
    }
  }

  /** The leader's part in a new run. */
  #order({ id, module }: Loaded, name: string, table: number): Order {
    this.#run = (this.#run + 2) & 0xffffff
    const run = this.#run
    Atomics.store(new Int32Array(this.#memory.buffer, 0, 64), words.run, run)
    return { id, module, memory: this.#memory, name, table, run, thread: 0 }
  }

  /** Ends the workers. */
  stop(): void {
    for (const { stop } of this.#helpers.splice(0)) stop()
    this.#leader?.stop()
  }
}
