/** Long folds of few results in two stages: parts first, many at a time, and then the parts. */
import type { Dispatch, Expr, ReduceKernel } from '../codegen/kernel.ts'
import type { ProgramBuffer } from '../codegen/program.ts'
import { size, strides } from '../core/shape.ts'
import { restride } from './layout.ts'
import type { ProgramPass } from './pass.ts'

/** Folds of fewer elements, or of more results, keep a device busy as they are: a kernel costs as much as some thousands of elements. */
const longest = 16_384
const fewest = 16

/** Results and parts together that keep most devices busy. */
const wanted = 128

/** Which folded axis is cut, and into how many parts: as many as are wanted, each still long. */
const cutOf = ({ dims, folded }: ReduceKernel): { readonly axis: number; readonly parts: number } | undefined => {
  const most = Math.ceil(wanted / size(dims))
  const cuts = folded.flatMap((d, axis) =>
    Array.from({ length: Math.min(d, 2 * most) }, (_, i) => ({ axis, parts: i + 1 })).filter((c) => d % c.parts === 0),
  )
  const best = cuts.toSorted((a, b) => Math.abs(a.parts - most) - Math.abs(b.parts - most))[0]
  return best === undefined || best.parts < 2 ? undefined : best
}

/** The expression over [...dims, parts, ...folded], where the cut axis is as long as a part. */
const cutValue = (k: ReduceKernel, axis: number, parts: number): Expr => {
  const at = k.dims.length + axis
  const part = k.folded[axis]! / parts
  const by = (old: readonly number[]) => ({
    strides: [...old.slice(0, k.dims.length), old[at]! * part, ...old.slice(k.dims.length)],
    offset: 0,
  })
  return restride(k.value, by)!
}

const staged = (d: Dispatch & { readonly kernel: ReduceKernel }, buffers: ProgramBuffer[]): readonly Dispatch[] => {
  const k = d.kernel
  const cut = size(k.folded) >= longest && size(k.dims) <= fewest ? cutOf(k) : undefined
  if (cut === undefined) return [d]
  const { axis, parts } = cut
  const dims = [...k.dims, parts]
  const { element } = k.out
  const id = buffers.push({ element, length: size(dims), purpose: { _tag: 'Scratch' } }) - 1
  const out = { operand: 0, element, offset: 0, strides: strides(dims) }
  const first: ReduceKernel = {
    ...k,
    dims,
    folded: k.folded.with(axis, k.folded[axis]! / parts),
    value: cutValue(k, axis, parts),
    out,
  }
  const value: Expr = { _tag: 'Load', operand: 1, element, offset: 0, strides: out.strides, picks: [] }
  return [
    { ...d, kernel: first, operands: d.operands.with(0, id) },
    { ...d, kernel: { ...k, folded: [parts], value }, operands: [d.operands[0]!, id] },
  ]
}

const isReduce = (d: Dispatch): d is Dispatch & { readonly kernel: ReduceKernel } => d.kernel._tag === 'Reduce'

/** Folds in stages, for targets that want them so. */
export const stages: ProgramPass = {
  name: 'stages',
  run: (draft, target) => {
    if (target.folds === 'whole') return draft
    const buffers = [...draft.buffers]
    const every = draft.every.flatMap((d) => (isReduce(d) ? staged(d, buffers) : [d]))
    return { ...draft, buffers, every }
  },
}
