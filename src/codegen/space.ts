/** Iteration spaces: axes put in order and merged, and where each operand stands at an index. */
import { elementBytes, type Element, type Expr, type Index, type Load, type Store } from './kernel.ts'

/** Something that is indexed by the axes of a space. */
export type Access = { readonly offset: number; readonly strides: readonly number[] }

/** Axes in the given order without those of extent 1, neighbours merged wherever every access allows it. */
export const mergeAxes = (
  dims: readonly number[],
  order: readonly number[],
  accesses: readonly Access[],
): { readonly dims: readonly number[]; readonly strides: ReadonlyMap<Access, readonly number[]> } => {
  const out: number[] = []
  const strides = new Map<Access, number[]>(accesses.map((a) => [a, []]))
  for (const axis of order) {
    const extent = dims[axis]!
    if (extent === 1) continue
    const last = out.length - 1
    const joins = last >= 0 && accesses.every((a) => strides.get(a)![last] === a.strides[axis]! * extent)
    if (joins) out[last]! *= extent
    else out.push(extent)
    for (const a of accesses) {
      const own = strides.get(a)!
      if (joins) own[last] = a.strides[axis]!
      else own.push(a.strides[axis]!)
    }
  }
  return { dims: out, strides }
}

/** The order of axes from the widest stride to the narrowest. */
export const byStride = (strides: readonly number[], axes: readonly number[]): number[] =>
  axes.toSorted((a, b) => Math.abs(strides[b]!) - Math.abs(strides[a]!) || a - b)

/** Everything in an expression that is indexed: loads, the indices of their picks, counters, and what chooses among parts. */
export const accessesOf = (value: Expr): readonly (Load | Index)[] => {
  const found = new Set<Load | Index>()
  const seen = new Set<Expr>()
  const visitLoad = (l: Load): void => {
    found.add(l)
    l.picks.forEach((p) => visitLoad(p.index))
  }
  const visit = (e: Expr): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e._tag === 'Load') visitLoad(e)
    if (e._tag === 'Index') found.add(e)
    if (e._tag === 'Parts') found.add(e.at)
    if ('xs' in e) e.xs.forEach(visit)
  }
  visit(value)
  return [...found]
}

/** Bytes of an element of a load or a store. */
export const bytesAt = (x: { readonly element: Element } | Store): number => elementBytes(x.element)
