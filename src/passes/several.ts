/** Maps that follow from each other element by element are one map with several results: a scheduler's whole update is one kernel. */
import {
  loadsOf,
  mapLeaves,
  resultsOf,
  type Dispatch,
  type Expr,
  type Load,
  type MapKernel,
  type Store,
} from '../codegen/kernel.ts'
import { localise } from '../codegen/program.ts'
import type { Node } from '../graph/node.ts'
import { bindingsOf } from './bindings.ts'
import { renamed, restride } from './layout.ts'
import type { ProgramPass } from './pass.ts'
import { over, refine } from './refine.ts'
import { bothNodes, readsOf, usesOf } from './uses.ts'

/** A map with its buffers by number. */
type Whole = {
  readonly dims: readonly number[]
  readonly results: readonly { readonly value: Expr; readonly out: Store }[]
}

const wholeOf = (d: Dispatch & { readonly kernel: MapKernel }): Whole => {
  const name = (operand: number): number => d.operands[operand]!
  const results = [d.kernel, ...(d.kernel.also ?? [])].map(({ value, out }) => ({
    value: renamed(value, name),
    out: { ...out, operand: name(out.operand) },
  }))
  return { dims: d.kernel.dims, results }
}

const dispatchOf = ({ dims, results }: Whole, label: string, nodes: readonly Node[]): Dispatch => {
  const outs = results.map((r) => r.out.operand)
  const { values, operands } = localise(
    results.map((r) => r.value),
    outs.length,
  )
  const [first, ...also] = results.map((r, i) => ({ value: values[i]!, out: { ...r.out, operand: i } }))
  const kernel: MapKernel = { _tag: 'Map', dims, ...first!, ...(also.length > 0 && { also }) }
  return { kernel, operands: [...outs, ...operands], label, nodes }
}

/** Both maps over axes that they share, the second reading what the first gives where it is computed; or undefined. */
const merged = (a: Whole, b: Whole, id: number): Whole | undefined => {
  const loads = b.results.flatMap((r) => loadsOf(r.value)).filter((l) => l.operand === id)
  const given = a.results.find((r) => r.out.operand === id)!
  const [first] = loads
  const same = (l: Load): boolean =>
    l.offset === given.out.offset &&
    l.picks.length === 0 &&
    b.dims.every((d, i) => d === 1 || l.strides[i] === first!.strides[i])
  if (first === undefined || !loads.every(same)) return undefined
  const picks = b.results.flatMap((r) => loadsOf(r.value)).flatMap((l) => l.picks)
  if (picks.some((p) => p.index.operand === id)) return undefined
  const axes = (dims: readonly number[], by: readonly number[]) => dims.map((extent, i) => ({ extent, stride: by[i]! }))
  const common = refine(axes(a.dims, given.out.strides), axes(b.dims, first.strides))
  if (common === undefined) return undefined
  const byA = (s: readonly number[]): number[] =>
    over(
      s,
      common.map((c) => ({ axis: c.a, step: c.stepA })),
    )
  const byB = (s: readonly number[]): number[] =>
    over(
      s,
      common.map((c) => ({ axis: c.b, step: c.stepB })),
    )
  const onto = (e: Expr, by: typeof byA): Expr => restride(e, (old) => ({ strides: by(old), offset: 0 }))!
  const before = a.results.map((r) => ({ value: onto(r.value, byA), out: { ...r.out, strides: byA(r.out.strides) } }))
  const source = before.find((r) => r.out.operand === id)!.value
  const after = b.results.map((r) => ({
    value: mapLeaves(onto(r.value, byB), (x) => (x._tag === 'Load' && x.operand === id ? source : x)),
    out: { ...r.out, strides: byB(r.out.strides) },
  }))
  // What both give to the same third map is read as it is computed too.
  const inlined = after.map((r) => ({
    ...r,
    value: before.reduce<Expr>((e, x) => {
      const there = loadsOf(e).filter((l) => l.operand === x.out.operand)
      const aligned = there.every(
        (l) =>
          l.offset === x.out.offset &&
          l.picks.length === 0 &&
          common.every((_, i) => l.strides[i] === x.out.strides[i]),
      )
      return there.length === 0 || !aligned
        ? e
        : mapLeaves(e, (y) => (y._tag === 'Load' && y.operand === x.out.operand ? x.value : y))
    }, r.value),
  }))
  const own = new Set(before.map((r) => r.out.operand))
  if (inlined.some((r) => loadsOf(r.value).some((l) => own.has(l.operand)))) return undefined
  return { dims: common.map((c) => c.extent), results: [...inlined, ...before] }
}

const isMap = (d: Dispatch | undefined): d is Dispatch & { readonly kernel: MapKernel } => d?.kernel._tag === 'Map'

/** Merges maps, where the later one stood, as long as they have few enough operands. */
export const several: ProgramPass = {
  name: 'several results',
  run: (draft, target) => {
    if (!target.several) return draft
    const { writers } = usesOf(draft)
    const out: (Dispatch | undefined)[] = [...draft.every]
    const place = new Map<number, number>()
    draft.every.forEach((_, j) => {
      for (const id of readsOf(draft.every[j]!, draft)) {
        const d = out[j]
        const i = place.get(id) ?? writers.get(id)?.[0]
        if (i === undefined || i >= j || writers.get(id)!.length > 1) continue
        const producer = out[i]
        if (!isMap(producer) || !isMap(d) || !d.operands.includes(id, resultsOf(d.kernel))) continue
        const made = producer.operands.slice(0, resultsOf(producer.kernel))
        // Nobody between them reads what the first gives.
        if (out.slice(i + 1, j).some((x) => x !== undefined && readsOf(x, draft).some((r) => made.includes(r))))
          continue
        const both = merged(wholeOf(producer), wholeOf(d), id)
        if (both === undefined) continue
        const later = new Set(out.slice(j + 1).flatMap((x) => (x === undefined ? [] : readsOf(x, draft))))
        const results = both.results.filter((r) => later.has(r.out.operand) || draft.outputs.includes(r.out.operand))
        const fresh = dispatchOf({ ...both, results }, `${producer.label} + ${d.label}`, bothNodes(producer, d))
        if (results.length === 0 || bindingsOf(target, draft.buffers, fresh.operands) > target.mostOperands) continue
        out[i] = undefined
        out[j] = fresh
        for (const r of results) place.set(r.out.operand, j)
      }
    })
    return { ...draft, every: out.filter((d) => d !== undefined) }
  },
}
