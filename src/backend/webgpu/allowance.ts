/** A bounded time for things that cannot be broken off once they have begun: compiling a kernel, running it. */

/** Milliseconds since whenever. */
export type Clock = () => number

/** So many milliseconds from now on. */
export class Allowance {
  readonly #now: Clock
  readonly #end: number

  constructor(ms: number, now: Clock) {
    this.#now = now
    this.#end = now() + ms
  }

  /** Is what takes so long over in time, if it begins now? Nothing is when the time is up. */
  allows(ms = 0): boolean {
    return this.#end - this.#now() > ms
  }
}

/** How long something takes as a rule, from the times that it was done. */
export class Usual {
  readonly #seen: number[] = []

  /** It was done, and took so long. */
  note(ms: number): void {
    this.#seen.push(ms)
  }

  /** Three of four times took no longer. 0 before the first time, which nothing is known of. */
  get ms(): number {
    return this.#seen.toSorted((a, b) => a - b)[Math.floor(0.75 * this.#seen.length)] ?? 0
  }
}
