/** What is known of an adapter: how long the ways to do something took. */
import type { TuneOptions } from '../tuning.ts'
import type { Times } from './choices.ts'
import type { Store } from './choice-store.ts'

type Progress = TuneOptions['progress']

/** Times of this process, and those that are remembered. */
export class Known {
  readonly #store: Store
  readonly #times = new Map<string, Map<string, number>>()
  #loaded: Promise<void> | undefined

  constructor(store: Store) {
    this.#store = store
  }

  /** Milliseconds by what was done, and how. */
  get times(): Times {
    return this.#times
  }

  /** Milliseconds of the fastest way; Infinity where none is known. */
  fastest(key: string): number {
    return Math.min(...(this.#times.get(key)?.values() ?? []))
  }

  /** A way took so long. */
  note(key: string, way: string, ms: number): void {
    const own = this.#times.get(key) ?? new Map<string, number>()
    this.#times.set(key, own.set(way, ms))
  }

  /** Adds what is remembered, the first time. */
  load(progress: Progress): Promise<void> {
    return (this.#loaded ??= this.#load(progress))
  }

  async #load(progress: Progress): Promise<void> {
    const { times, ignored } = await this.#store.load()
    for (const [key, own] of times) for (const [way, ms] of own) this.note(key, way, ms)
    if (ignored !== undefined) progress?.({ _tag: 'Ignored', ...ignored })
  }

  /** Remembers it all. */
  async save(progress: Progress): Promise<void> {
    const wrong = await this.#store.save(this.#times)
    if (wrong !== undefined) progress?.({ _tag: 'Unsaved', ...wrong })
  }
}
