/** Which operands can be bound as arrays of vectors of four: those that a kernel only touches a whole, aligned vector at a time. */
import { subexpressions, type Expr, type Load, type Parts, type Store } from '../kernel.ts'
import { accessesOf, type Access as Indexed } from '../space.ts'

/** What a kernel reads and writes, by merged strides, of which the one `along` has neighbours. */
export type Uses = {
  readonly values: readonly Expr[]
  readonly stores: readonly Store[]
  readonly strides: (a: Indexed) => readonly number[]
  readonly along: number
  /** Loads that stand for something else than memory. */
  readonly given?: (l: Load) => boolean
}

const aligned = (a: Indexed, { strides, along }: Uses): boolean =>
  a.offset % 4 === 0 && strides(a).every((s, i) => (i === along ? s === 1 : s % 4 === 0))

const cuts = (p: Parts, uses: Uses): boolean =>
  (uses.strides(p.at)[uses.along] ?? 0) !== 0 && !(aligned(p.at, uses) && p.ends.every((end) => end % 4 === 0))

/** The operands that can. */
export const vectorOperands = (uses: Uses): ReadonlySet<number> => {
  const loads = uses.values.flatMap((v) => accessesOf(v).filter((a) => a._tag === 'Load'))
  const inMemory = loads.filter((l) => !(uses.given?.(l) ?? false))
  const whole = (a: Load | Store): boolean =>
    ('picks' in a ? a.picks.length === 0 : true) && a.element !== 'f16' && a.element !== 'bf16' && aligned(a, uses)
  const all: readonly (Load | Store)[] = [...inMemory, ...uses.stores]
  const broken = new Set(all.filter((a) => !whole(a)).map((a) => a.operand))
  // Parts that begin anywhere are read one neighbour at a time.
  const cut = uses.values.some((v) => subexpressions(v).some((e) => e._tag === 'Parts' && cuts(e, uses)))
  return cut ? new Set() : new Set(all.map((a) => a.operand).filter((o) => !broken.has(o)))
}
