/** Iteration spaces: axes put in order and merged, and where each operand stands at an index. */
import { elementBytes, type Element, type Expr, type Load, type Store } from '../kernel.ts'
import type { Body } from './module.ts'
import { get, i32, set, type Code } from './op.ts'

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

/** The row-major coordinates of a flat index, as statements that set locals: one for each axis. */
export const unflatten = (
  body: Body,
  dims: readonly number[],
  flat: number,
): { readonly code: Code; readonly at: readonly number[] } => {
  if (dims.length === 0) return { code: [], at: [] }
  const at = dims.map((_, i) => (i === 0 && dims.length === 1 ? flat : body.local('i32')))
  if (dims.length === 1) return { code: [], at }
  const rest = body.local('i32')
  const code: Code[] = [set(rest, get(flat))]
  for (let i = dims.length - 1; i > 0; i--)
    code.push(
      set(at[i]!, i32.remU(get(rest), i32.const(dims[i]!))),
      set(rest, i32.divU(get(rest), i32.const(dims[i]!))),
    )
  code.push(set(at[0]!, get(rest)))
  return { code, at }
}

/** base + bytes · (offset + Σ strideᵢ · atᵢ). */
export const addressOf = (
  base: Code,
  bytes: number,
  offset: number,
  strides: readonly number[],
  at: readonly number[],
): Code => {
  let sum = offset === 0 ? base : i32.add(base, i32.const(offset * bytes))
  strides.forEach((s, i) => {
    if (s === 0) return
    const step = s * bytes
    sum = i32.add(sum, step === 1 ? get(at[i]!) : i32.mul(get(at[i]!), i32.const(step)))
  })
  return sum
}

/** Everything in an expression that is indexed: its loads, the indices of their picks, and its counters. */
export const accessesOf = (value: Expr): readonly (Load | Extract<Expr, { readonly _tag: 'Index' }>)[] => {
  const found = new Set<Load | Extract<Expr, { readonly _tag: 'Index' }>>()
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
    if (e._tag === 'Op') e.xs.forEach(visit)
  }
  visit(value)
  return [...found]
}

/** Bytes of an element of a load or a store. */
export const bytesAt = (x: { readonly element: Element } | Store): number => elementBytes(x.element)
