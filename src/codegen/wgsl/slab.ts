/** The iteration space of kernels that fold: kept axes and folded ones, merged apart. */
import type { Expr, Load, Store } from '../kernel.ts'
import { accessesOf, byStride, mergeAxes, type Access as Indexed } from '../space.ts'

/** Kept and folded extents, and strides along [...kept, ...folded]; those of a store that knows no folded axes along `kept`. */
export type Slab = {
  readonly kept: readonly number[]
  readonly folded: readonly number[]
  readonly strides: (a: Indexed) => readonly number[]
}

const moving = (a: Indexed, axes: readonly number[]): number => axes.filter((i) => a.strides[i] !== 0).length

/**
 * The space of a kernel over `dims` and `folded` whose result has an element for every index of `dims`, or of both. Loads that are `given` stand
 * for something else than memory.
 */
export const slabOf = (
  dims: readonly number[],
  folded: readonly number[],
  values: readonly Expr[],
  out: Store,
  given: (l: Load) => boolean = () => false,
): Slab => {
  const reads = [...new Set(values.flatMap((v) => accessesOf(v)))].filter((a) => a._tag === 'Index' || !given(a))
  const extents = [...dims, ...folded]
  const kept = dims.map((_, i) => i)
  const inner = folded.map((_, i) => dims.length + i)
  const wide: Indexed = { offset: out.offset, strides: extents.map((_, i) => out.strides[i] ?? 0) }
  const all = [...reads, wide]
  const outer = mergeAxes(extents, byStride(wide.strides, kept), all)
  // The axes of a fold may be taken in any order: that of the operand with most to read.
  const leading = reads.toSorted((a, b) => moving(b, inner) - moving(a, inner))[0]
  const deep = mergeAxes(extents, leading === undefined ? inner : byStride(leading.strides, inner), all)
  const strides = (a: Indexed): readonly number[] => {
    const own = a === out ? wide : a
    return [...outer.strides.get(own)!, ...deep.strides.get(own)!]
  }
  return { kept: outer.dims, folded: deep.dims, strides }
}

/** The load that reads most along the folded axes. */
export const leadingLoad = (value: Expr, { kept, strides }: Slab): Load | undefined => {
  const deep = (a: Indexed): number => strides(a).filter((s, i) => i >= kept.length && s !== 0).length
  return accessesOf(value)
    .filter((a) => a._tag === 'Load')
    .toSorted((a, b) => deep(b) - deep(a))[0]
}
