/** Arithmetic on weights alone is done once. */
import { loadsOf, type Dispatch, type Expr, type Load, type MapKernel } from '../codegen/kernel.ts'
import { localise, typeOf, type ProgramBuffer } from '../codegen/program.ts'
import { computed } from '../core/dtype.ts'
import { size, strides } from '../core/shape.ts'
import { renamed } from './layout.ts'
import type { ProgramPass } from './pass.ts'

const isSum = (e: Expr): e is Extract<Expr, { readonly _tag: 'Op' }> =>
  e._tag === 'Op' && e.op === 'add' && e.type === 'f32'

/** Computes at the first run what maps compute of weights at every run, where that takes no more memory than its operands. */
export const constants: ProgramPass = {
  name: 'constants',
  run: (draft) => {
    const buffers: ProgramBuffer[] = [...draft.buffers]
    const once: Dispatch[] = [...draft.once]
    const isFixed = (l: Load): boolean => {
      const tag = buffers[l.operand]!.purpose._tag
      return (tag === 'Kept' || tag === 'Leaf') && l.picks.every((p) => isFixed(p.index))
    }
    const isConstant = (e: Expr): boolean =>
      e._tag !== 'Index' && e._tag !== 'Parts' && loadsOf(e).every(isFixed) && !indexed(e)
    const hoisted = (e: Expr, dims: readonly number[], label: string): Expr => {
      const loads = loadsOf(e)
      const along = dims.map((_, i) => loads.some((l) => l.strides[i] !== 0))
      const own = dims.map((d, i) => (along[i] ? d : 1))
      const each = loads.map((l) => size(dims.filter((_, i) => l.strides[i] !== 0)))
      if (e._tag !== 'Op' || loads.length === 0 || size(own) > Math.max(...each)) return e
      const by = strides(own).map((s, i) => (along[i] ? s : 0))
      const element = computed(typeOf(e))
      const id = buffers.push({ element, length: size(own), purpose: { _tag: 'Kept' } }) - 1
      const { values, operands } = localise([e], 1)
      const kernel: MapKernel = {
        _tag: 'Map',
        dims: own,
        value: values[0]!,
        out: { operand: 0, element, offset: 0, strides: by },
      }
      once.push({ kernel, operands: [id, ...operands], label })
      return { _tag: 'Load', operand: id, element, offset: 0, strides: by, picks: [] }
    }
    const every = draft.every.map((d) => {
      if (d.kernel._tag !== 'Map' || d.kernel.also !== undefined) return d
      const { dims } = d.kernel
      const made = new Map<Expr, Expr>()
      const visit = (e: Expr): Expr => {
        const there = made.get(e)
        if (there !== undefined) return there
        // Elsewhere than where it is chosen, a part may point outside of its operands.
        if (e._tag === 'Parts') return e
        const fresh = isConstant(e) ? hoisted(e, dims, d.label) : 'xs' in e ? inside(gathered(e)) : e
        made.set(e, fresh)
        return fresh
      }
      const inside = (e: Expr): Expr => ('xs' in e ? { ...e, xs: e.xs.map(visit) } : e)
      /** A sum whose constant summands stand together. */
      const gathered = (e: Expr): Expr => {
        const all = isSum(e) ? summands(e) : []
        const fixed = all.filter((x) => isConstant(x) && loadsOf(x).length > 0)
        if (fixed.length < 2) return e
        const moving = all.filter((x) => !fixed.includes(x))
        // As many sums as there were, each one of the nodes.
        const adds = sums(e)
        const add = (x: Expr, y: Expr): Expr => ({ ...adds.pop()!, xs: [x, y] })
        return moving.length === 0 ? e : add(moving.reduce(add), fixed.reduce(add))
      }
      const global = renamed(d.kernel.value, (operand) => d.operands[operand]!)
      const value = visit(global)
      if (value === global) return d
      const { values, operands } = localise([value], 1)
      return { ...d, kernel: { ...d.kernel, value: values[0]! }, operands: [d.operands[0]!, ...operands] }
    })
    return { ...draft, buffers, once, every }
  },
}

/** The sums that a sum of sums is made of. */
const sums = (e: Expr): Extract<Expr, { readonly _tag: 'Op' }>[] => (isSum(e) ? [e, ...e.xs.flatMap(sums)] : [])
const summands = (e: Expr): readonly Expr[] => (isSum(e) ? e.xs.flatMap(summands) : [e])
const indexed = (e: Expr): boolean => e._tag === 'Index' || ('xs' in e && e.xs.some(indexed))
