/** Values that programs have in common, weights above all: computed by the first that needs them, freed after the last. */
import { keyOf } from '../../codegen/kernel.ts'
import type { Program } from '../../codegen/program.ts'
import type { Heap } from './heap.ts'

/** How a value that is the same at every run comes about: equal recipes give equal values. */
export const recipesOf = (program: Program): ReadonlyMap<number, string> => {
  const recipes = new Map<number, string>()
  program.buffers.forEach(({ purpose }, id) => {
    if (purpose._tag === 'Leaf') recipes.set(id, `leaf ${purpose.node.id}`)
  })
  for (const { kernel, operands } of program.once) {
    const [out, ...reads] = operands
    const from = reads.map((r) => (r === out ? 'itself' : recipes.get(r)!))
    recipes.set(out!, `${recipes.get(out!) ?? ''}${keyOf(kernel)}(${from.join()})`)
  }
  return recipes
}

/** Blocks by recipe, counted. */
export class Residents {
  readonly #heap: Heap
  readonly #held = new Map<string, { readonly at: number; count: number }>()

  constructor(heap: Heap) {
    this.#heap = heap
  }

  /** The address of a value that is there, for one more program. */
  take(recipe: string): number | undefined {
    const there = this.#held.get(recipe)
    if (there !== undefined) there.count++
    return there?.at
  }

  /** Keeps a block as the value of a recipe, for one program. */
  keep(recipe: string, at: number): void {
    this.#held.set(recipe, { at, count: 1 })
  }

  /** One program fewer needs these. */
  release(recipes: Iterable<string>): void {
    for (const recipe of recipes) {
      const there = this.#held.get(recipe)
      if (there === undefined || --there.count > 0) continue
      this.#held.delete(recipe)
      this.#heap.free(there.at)
    }
  }
}
