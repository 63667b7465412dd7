/** What becomes of a product's sums: the epilogue, and where results go. */
import { accessesOf, mergeAxes, type Access as Indexed } from '../space.ts'
import type { GemmKernel, Index, Load, MapKernel } from '../kernel.ts'
import { Expressions } from './expression.ts'
import { unflatten } from './grid.ts'
import type { Lanes } from './math.ts'
import { vectorOperands } from './vectors.ts'
import type { Block, ShaderWriter } from './writer.ts'

/** The map of finished rows: the epilogue, or a mere copy to where C is wanted. */
export const finishOf = (k: GemmKernel): MapKernel => {
  if (k.epilogue !== undefined) return k.epilogue
  const dims = [...k.batch, ...k.rows, k.n]
  const product: Load = { _tag: 'Load', operand: 0, element: 'f32', offset: 0, strides: dims.map(() => 0), picks: [] }
  const strides = [...k.c.batch, ...k.c.rows, 1]
  return { _tag: 'Map', dims, value: product, out: { operand: 0, element: 'f32', offset: k.c.offset, strides } }
}

/** Does the map take two columns of the product at each of its own? */
export const isPaired = (k: { readonly n: number }, map: MapKernel): boolean => map.dims.at(-1)! * 2 === k.n

/** The map's space: axes of rows merged, columns last. */
const spaceOf = (
  map: MapKernel,
): { readonly rows: readonly number[]; readonly strides: (a: Indexed) => readonly number[] } => {
  const rows = map.dims.slice(0, -1)
  const others = accessesOf(map.value).filter((a) => !isProduct(a))
  const axes = rows.map((_, i) => i)
  const { dims, strides } = mergeAxes(rows, axes, [...others, map.out])
  return { rows: dims, strides: (a) => [...strides.get(a)!, a.strides.at(-1)!] }
}

const isProduct = (a: Load | Index): boolean => a._tag === 'Load' && a.operand === 0

/** Operands that finishing a product touches, and those it only touches four whole columns at a time. */
export const vectorsOfFinish = (
  k: GemmKernel,
): { readonly all: ReadonlySet<number>; readonly vectors: ReadonlySet<number> } => {
  const map = finishOf(k)
  const { rows, strides } = spaceOf(map)
  const loads = accessesOf(map.value).filter((a) => a._tag === 'Load' && !isProduct(a)) as readonly Load[]
  const all = new Set([...loads.map((l) => l.operand), map.out.operand])
  if (isPaired(k, map) || k.n % 4 !== 0) return { all, vectors: new Set() }
  const uses = { values: [map.value], stores: [map.out], strides, along: rows.length, given: isProduct }
  return { all, vectors: vectorOperands(uses) }
}

/** Writes results, wherever they go. */
export class Finish {
  readonly #writer: ShaderWriter
  readonly #map: MapKernel
  readonly #extents: readonly string[]
  readonly #write: Expressions

  /** `columns`: neighbouring columns that are finished at once; of `vectors`, as they lie in arrays of vectors of four. */
  constructor(
    writer: ShaderWriter,
    block: Block,
    map: MapKernel,
    columns: Lanes = 1,
    vectors: ReadonlySet<number> = new Set(),
  ) {
    this.#writer = writer
    this.#map = map
    const { rows, strides } = spaceOf(map)
    this.#extents = rows.map((d, i) => (i === 0 ? '' : block.let(writer.params.int(d), 'd')))
    this.#write = new Expressions(writer, { lanes: columns, strides, vectors })
  }

  /** Coordinates of a row of the product, counted over batch and rows. */
  row(block: Block, row: string): readonly string[] {
    return this.#extents.length === 0 ? [] : unflatten(block, row, this.#extents)
  }

  /** Statements that finish a column of that row; `product` gives the sums in it, by the number of the column among those that are paired. */
  store(block: Block, row: readonly string[], column: string, product: (pair: number) => string): void {
    const at = [...row, column]
    const value = this.#write.value(block, this.#map.value, at, (l) =>
      l.operand === 0 ? product(l.offset) : undefined,
    )
    this.#write.store(block, this.#map.out, at, value)
  }

  /** How many columns there are, as text. */
  columns(): string {
    return this.#writer.params.int(this.#map.dims.at(-1)!)
  }
}
