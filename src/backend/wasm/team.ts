/** Threads that run programs together: each takes pieces of the same kernels as long as there are any. */
import { functionName, helper, states, words, type Helper, type Leader } from './workers.ts'

/** The most threads of a program. */
export const mostThreads = 16

/** A module on a memory, and its functions on this thread. */
export type Loaded = { readonly id: number; readonly module: WebAssembly.Module; readonly exports: Exports }

/** The functions of a program: `run` and `once0`, `once1`, …, given the address of its table. */
export type Exports = Readonly<Record<string, (table: number, thread: number) => void>>

/** A helper, and the modules it has been given. */
type Member = Helper & { readonly known: Set<number> }

/** So many threads, with this one at their head unless a worker leads. */
export class Team {
  readonly threads: number
  readonly #memory: WebAssembly.Memory
  readonly #leader: Leader | undefined
  readonly #helpers: Member[] = []
  #run = 0

  constructor(threads: number, memory: WebAssembly.Memory, leader?: Leader) {
    this.threads = threads
    this.#memory = memory
    this.#leader = leader
  }

  /** Starts the helpers: they take a while to be there. */
  start(): void {
    while (this.#helpers.length < this.threads - 1) this.#helpers.push({ ...helper(), known: new Set() })
  }

  /**
   * Calls a function of a module's, −1 or the number of a `once`: here if there is little to do, else with all threads. When it is done, no
   * helper is in it any more.
   */
  call(loaded: Loaded, which: number, table: number, large: boolean): Promise<void> | void {
    const call = loaded.exports[functionName(which)]!
    if (!large || (this.#leader === undefined && this.threads === 1)) return call(table, 0)
    this.start()
    const at = new Int32Array(this.#memory.buffer, 0, words.all)
    const run = (this.#run = (this.#run + 2) & 0xffffff)
    at[words.module] = loaded.id
    at[words.function] = which
    at[words.table] = table
    at[words.pages] = this.#memory.buffer.byteLength / 65536
    Atomics.store(at, words.run, run)
    Atomics.notify(at, words.run)
    const order = { id: loaded.id, module: loaded.module, memory: this.#memory }
    for (const [i, { post, known }] of this.#helpers.entries()) {
      const state = words.states + words.line * (i + 1)
      const away = Atomics.compareExchange(at, state, states.away, states.called) === states.away
      if (away || !known.has(loaded.id)) post({ ...order, thread: i + 1 })
      known.add(loaded.id)
    }
    if (this.#leader !== undefined) return this.#leader.lead({ ...order, thread: 0 })
    try {
      call(table, 0)
    } finally {
      Atomics.store(at, words.run, run + 1)
      while (Atomics.load(at, words.inside) > 0);
    }
  }

  /** Ends the workers. */
  stop(): void {
    if (this.#helpers.length > 0) new Int32Array(this.#memory.buffer, 0, words.all).fill(states.away, words.states)
    for (const { stop } of this.#helpers.splice(0)) stop()
    this.#leader?.stop()
  }
}
