/** Values that programs have in common, weights above all: computed by the first that needs them, freed after the last. */
import { keyOf, resultsOf } from '../codegen/kernel.ts'
import type { Program } from '../codegen/program.ts'

/** How a value that is the same at every run comes about: equal recipes give equal values. */
export const recipesOf = (program: Program): ReadonlyMap<number, string> => {
  const recipes = new Map<number, string>()
  program.buffers.forEach(({ purpose }, id) => {
    if (purpose._tag === 'Leaf') recipes.set(id, `leaf ${purpose.node.id}`)
  })
  for (const { kernel, operands } of program.once) {
    const results = operands.slice(0, resultsOf(kernel))
    const from = operands
      .slice(results.length)
      .map((r) => (results.includes(r) ? 'itself' : recipes.get(r)!))
      .join()
    results.forEach((out, i) => recipes.set(out, `${recipes.get(out) ?? ''}${i > 0 ? i : ''}${keyOf(kernel)}(${from})`))
  }
  return recipes
}

/** Blocks of a device's memory by recipe, counted. */
export class Residents<Block> {
  readonly #free: (block: Block) => void
  readonly #held = new Map<string, { readonly block: Block; count: number }>()

  /** `free` gives a block back to the device. */
  constructor(free: (block: Block) => void) {
    this.#free = free
  }

  /** The block of a value that is there, for one more program. */
  take(recipe: string): Block | undefined {
    const there = this.#held.get(recipe)
    if (there !== undefined) there.count++
    return there?.block
  }

  /**
   * The block that is the value of a recipe from now on, for one more use: the given one, unless a program that needs the value twice has
   * kept one already; then the given one stays its maker's, to be freed.
   */
  keep(recipe: string, block: Block): Block {
    const there = this.take(recipe)
    if (there === undefined) this.#held.set(recipe, { block, count: 1 })
    return there ?? block
  }

  /** One program fewer needs these. */
  release(recipes: Iterable<string>): void {
    for (const recipe of recipes) {
      const there = this.#held.get(recipe)
      if (there === undefined || --there.count > 0) continue
      this.#held.delete(recipe)
      this.#free(there.block)
    }
  }
}
