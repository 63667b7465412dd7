/** Sums of many numbers: in runs, whose sums are added, because errors grow with the length of a chain. */
import { typeText } from './rows.ts'
import type { Lanes } from './math.ts'
import type { Block } from './writer.ts'

const run = 256

/** Sums of float32 being made in a loop of at most so many rounds. */
export class Chain {
  readonly #totals: readonly string[]
  readonly #parts: readonly string[]
  readonly #count: string | undefined
  readonly #zero: string

  constructor(block: Block, lanes: Lanes, sums: number, rounds: number) {
    const T = typeText('f32', lanes)
    this.#zero = `${T}()`
    const variables = (): string[] => Array.from({ length: sums }, () => block.var(this.#zero))
    this.#totals = variables()
    this.#parts = rounds > run ? variables() : this.#totals
    this.#count = rounds > run ? block.var('0u', 'n') : undefined
  }

  /** Adds a number to each sum. */
  add(block: Block, values: readonly string[]): void {
    this.#parts.forEach((part, i) => block.add(`${part} += ${values[i]!};`))
    const count = this.#count
    if (count === undefined) return
    block.add(`${count}++;`)
    block.nest(`if (${count} == ${run}u)`, (full) => {
      this.#parts.forEach((part, i) => full.add(`${this.#totals[i]!} += ${part};`, `${part} = ${this.#zero};`))
      full.add(`${count} = 0u;`)
    })
  }

  /** The names of the sums. */
  sums(block: Block): readonly string[] {
    if (this.#count !== undefined) this.#parts.forEach((part, i) => block.add(`${this.#totals[i]!} += ${part};`))
    return this.#totals
  }
}
