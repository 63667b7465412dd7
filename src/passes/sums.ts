/** Products that are only added to each other are one product: C = Σ Aᵢ · Bᵢ. A residual block's shortcut joins its last convolution. */
import { depthOf, loadsOf, origin, type Dispatch, type Expr, type GemmKernel, type Load } from '../codegen/kernel.ts'
import { localise, type Panels, type ProgramBuffer } from '../codegen/program.ts'
import { size } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { renamed } from './layout.ts'
import type { ProgramPass } from './pass.ts'
import { originsIn } from './provenance.ts'
import { bothNodes, usesOf } from './uses.ts'

type Found = { readonly load: Load; readonly at: number; readonly kernel: GemmKernel }

const isAdd = (e: Expr): e is Extract<Expr, { readonly _tag: 'Op' }> =>
  e._tag === 'Op' && e.op === 'add' && e.type === 'f32'

/** The summands of a sum of sums. */
const summands = (e: Expr): readonly Expr[] => (isAdd(e) ? e.xs.flatMap(summands) : [e])

/** The nodes of a sum of sums. */
const sumNodes = (e: Expr): readonly Node[] =>
  isAdd(e) ? [...(e[origin] ? [e[origin]] : []), ...e.xs.flatMap(sumNodes)] : []

/** Sums that are no summands themselves. */
const sumsIn = (e: Expr): readonly Expr[] => {
  const found = new Set<Expr>()
  const seen = new Set<Expr>()
  const visit = (x: Expr, inside: boolean): void => {
    if (isAdd(x) && !inside) found.add(x)
    if (seen.has(x) || !('xs' in x)) return
    seen.add(x)
    x.xs.forEach((y) => visit(y, isAdd(x)))
  }
  visit(e, false)
  return [...found]
}

const without = (sum: Expr, gone: Load): Expr | undefined => {
  if (sum === gone) return undefined
  if (!isAdd(sum)) return sum
  const [x, y] = sum.xs.map((s) => without(s, gone))
  if (x === undefined) return y
  return y === undefined ? x : { ...sum, xs: [x, y] }
}

const replace = (e: Expr, old: Expr, by: Expr): Expr => {
  const made = new Map<Expr, Expr>([[old, by]])
  const visit = (x: Expr): Expr => {
    const there = made.get(x)
    if (there !== undefined) return there
    const fresh = 'xs' in x ? { ...x, xs: x.xs.map(visit) } : x
    made.set(x, fresh)
    return fresh
  }
  return visit(e)
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Do both give the same rows and columns, from the same number of matrices? */
const agree = (a: GemmKernel, b: GemmKernel, p: Panels, q: Panels): boolean =>
  same([a.batch, a.rows, a.n, a.width, a.c], [b.batch, b.rows, b.n, b.width, b.c]) && same(p.batch, q.batch)

const strided = (dims: readonly number[], l: Load): readonly number[] =>
  dims.map((d, i) => (d === 1 ? 0 : l.strides[i]!))

type State = {
  readonly out: (Dispatch | undefined)[]
  readonly buffers: ProgramBuffer[]
  readonly panels: Map<number, Panels>
}

/** One product that stands for two, where the later one stood. */
const joined = (state: State, first: Dispatch, second: Dispatch): Dispatch | undefined => {
  const [a, b] = [first.kernel as GemmKernel, second.kernel as GemmKernel]
  const [pa, pb] = [first.operands[1]!, second.operands[1]!]
  const [p, q] = [state.panels.get(pa), state.panels.get(pb)]
  if (p === undefined || q === undefined || !agree(a, b, p, q)) return undefined
  const panels: Panels = { ...p, parts: [...p.parts, ...q.parts] }
  const more = depthOf(b) / depthOf(a)
  const kept = [pa, pb].every((id) => state.buffers[id]!.purpose._tag === 'Kept')
  const length = state.buffers[pa]!.length + state.buffers[pb]!.length
  const id = state.buffers.push({ element: 'f32', length, purpose: { _tag: kept ? 'Kept' : 'Scratch' } }) - 1
  state.panels.set(id, panels)
  const reads = [...first.operands.slice(2)]
  const terms = b.terms.map((t) => {
    const from = second.operands[t.operand]!
    if (!reads.includes(from)) reads.push(from)
    return { ...t, operand: 2 + reads.indexOf(from) }
  })
  const kernel: GemmKernel = {
    ...a,
    terms: [...a.terms, ...terms],
    b: { ...a.b, batch: a.b.batch.map((s) => s * (1 + more)) },
  }
  return {
    kernel,
    operands: [first.operands[0]!, id, ...reads],
    label: `${first.label} + ${second.label}`,
    nodes: bothNodes(first, second),
  }
}

/** Joins products that are added, and nothing else. */
export const sums: ProgramPass = {
  name: 'sums',
  run: (draft, target) => {
    if (target.products !== 'rich') return draft
    const { writers, readers } = usesOf(draft)
    const state: State = { out: [...draft.every], buffers: [...draft.buffers], panels: new Map(draft.panels) }
    const at = new Map<number, number>()
    const productOf = (e: Expr): Found | undefined => {
      if (e._tag !== 'Load' || e.picks.length > 0 || e.offset !== 0) return undefined
      const id = e.operand
      const [made, ...others] = writers.get(id) ?? []
      if (made === undefined || others.length > 0 || readers.get(id)!.length !== 1) return undefined
      const place = at.get(id) ?? made
      const kernel = state.out[place]?.kernel
      if (draft.outputs.includes(id) || kernel?._tag !== 'Gemm' || kernel.epilogue !== undefined) return undefined
      const whole = draft.buffers[id]!.length === size(kernel.batch) * size(kernel.rows) * kernel.n
      return whole ? { load: e, at: place, kernel } : undefined
    }
    /** The value with one product fewer, or undefined where no two can be joined. */
    const step = (value: Expr, dims: readonly number[]): Expr | undefined => {
      for (const sum of sumsIn(value)) {
        const found = summands(sum)
          .flatMap((e) => productOf(e) ?? [])
          .toSorted((x, y) => depthOf(y.kernel) - depthOf(x.kernel))
        for (const [j, x] of found.entries())
          for (const y of found.slice(j + 1)) {
            if (x.load.operand === y.load.operand || !same(strided(dims, x.load), strided(dims, y.load))) continue
            const left = replace(value, sum, without(sum, y.load)!)
            if (loadsOf(left).some((l) => l.operand === y.load.operand)) continue
            const product = joined(state, state.out[x.at]!, state.out[y.at]!)
            if (product === undefined) continue
            // The sum is the product's now.
            const gone = sumNodes(sum).filter((n) => !originsIn(left).includes(n))
            const both = { ...product, nodes: [...new Set([...product.nodes!, ...gone])] }
            state.out[x.at] = undefined
            state.out[y.at] = undefined
            state.out[Math.max(x.at, y.at)] = both
            at.set(x.load.operand, Math.max(x.at, y.at))
            return left
          }
      }
      return undefined
    }
    draft.every.forEach((d, i) => {
      if (d.kernel._tag !== 'Map' || d.kernel.also !== undefined) return
      let value = renamed(d.kernel.value, (operand) => d.operands[operand]!)
      let changed = false
      for (let next = step(value, d.kernel.dims); next !== undefined; next = step(value, d.kernel.dims)) {
        value = next
        changed = true
      }
      if (!changed) return
      const { values, operands } = localise([value], 1)
      state.out[i] = { ...d, kernel: { ...d.kernel, value: values[0]! }, operands: [d.operands[0]!, ...operands] }
    })
    return { ...draft, buffers: state.buffers, panels: state.panels, every: state.out.filter((d) => d !== undefined) }
  },
}
