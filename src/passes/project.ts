/** Queries that only one attention reads are projected by that attention, from the rows they are products of. */
import type { Dispatch, GemmKernel, Load, Matrices, PlainAttentionKernel } from '../codegen/kernel.ts'
import type { Draft, Panels, ProgramBuffer } from '../codegen/program.ts'
import { size } from '../core/shape.ts'
import { bindingsOf } from './bindings.ts'
import type { ProgramPass } from './pass.ts'
import { nodesOf } from './provenance.ts'
import { usesOf } from './uses.ts'

/** More keys than this, and making queries again for every block of them would cost more than a kernel. */
const mostKeys = 256

/** How the axes of the queries go through the rows and the columns of the product: a step of each, of which one is 0. */
type Step = { readonly row: number; readonly column: number }

const stepsOf = (strides: readonly number[], extents: readonly number[], n: number): Step[] | undefined => {
  const steps = strides.map((s, i): Step | undefined => {
    if (extents[i] === 1) return { row: 0, column: 0 }
    if (s % n === 0) return { row: s / n, column: 0 }
    return s * (extents[i]! - 1) < n ? { row: 0, column: s } : undefined
  })
  return steps.every((s) => s !== undefined) ? steps : undefined
}

/** Weights of a product as a matrix [K, n] of float32, computed once into a buffer of such a number. */
const matrixOf = (id: number, { parts, n }: Panels): { readonly buffer: ProgramBuffer; readonly filled: Dispatch } => {
  const { b, k } = parts[0]!
  const depth = size(k)
  const out = { operand: 0, element: 'f32', offset: 0, strides: [n, 1] } as const
  return {
    buffer: { element: 'f32', length: depth * n, purpose: { _tag: 'Kept' } },
    filled: {
      kernel: { _tag: 'Map', dims: [depth, n], value: { ...b, operand: 1 }, out },
      operands: [id, b.operand],
      label: 'weights of queries',
    },
  }
}

/** The row that an epilogue adds to every row of a product, and does nothing else; undefined where it does. */
const rowAdded = ({ epilogue, n }: GemmKernel): Load | undefined => {
  if (epilogue?.value._tag !== 'Op' || epilogue.value.op !== 'add' || epilogue.dims.at(-1) !== n) return undefined
  const { xs } = epilogue.value
  const product = xs.find((x) => x._tag === 'Load' && x.operand === 0)
  const row = xs.find((x) => x !== product)
  if (product === undefined || row?._tag !== 'Load' || row.element !== 'f32' || row.picks.length > 0) return undefined
  const isRow = epilogue.dims.every((d, i) => d === 1 || row.strides[i] === (i === epilogue.dims.length - 1 ? 1 : 0))
  let step = 1
  const isDense = epilogue.dims.toReversed().every((d, i) => {
    const fits = d === 1 || epilogue.out.strides.at(-1 - i) === step
    step *= d
    return fits
  })
  return isRow && isDense && epilogue.out.offset === 0 ? row : undefined
}

const projected = (
  d: Dispatch,
  k: PlainAttentionKernel,
  producer: Dispatch,
  product: GemmKernel,
  weights: number,
): (Dispatch & { readonly kernel: PlainAttentionKernel }) | undefined => {
  const added = rowAdded(product)
  if (product.epilogue !== undefined && added === undefined) return undefined
  const [term] = product.terms
  const { n } = product
  const steps = stepsOf([...k.q.batch, k.q.row], [...k.batch, k.rows], n)
  if (term === undefined || steps === undefined || k.q.offset >= n || k.q.column * (k.depth - 1) >= n) return undefined
  const by = term.a.rows[0]!
  const operands = [...d.operands]
  const operandOf = (id: number): number => (operands.includes(id, 1) ? operands.indexOf(id, 1) : operands.push(id) - 1)
  // The queries are not read any more, unless they are keys or values too.
  const gone = k.q.operand
  operands[gone] = producer.operands[term.operand]!
  if (operands.indexOf(operands[gone]!, 1) !== gone || operands.lastIndexOf(operands[gone]!) !== gone) return undefined
  const x: Matrices = {
    operand: gone,
    offset: term.a.offset,
    batch: steps.slice(0, -1).map((s) => s.row * by),
    row: steps.at(-1)!.row * by,
    column: 1,
  }
  const w: Matrices = {
    operand: operandOf(weights),
    offset: k.q.offset,
    batch: steps.slice(0, -1).map((s) => s.column),
    row: n,
    column: k.q.column,
  }
  const bias: Matrices | undefined = added && {
    ...w,
    operand: operandOf(producer.operands[added.operand]!),
    offset: added.offset + k.q.offset,
    row: 0,
  }
  const inner = term.segments[0]!.length
  const kernel: PlainAttentionKernel = {
    ...k,
    q: x,
    project: { inner, w, ...(bias && { bias }), ...(term.norm && { norm: term.norm }) },
  }
  return { kernel, operands, label: `queries + ${d.label}`, nodes: [...nodesOf(producer), ...nodesOf(d)] }
}

/** Such attentions to few keys. */
export const project: ProgramPass = {
  name: 'project',
  run: (draft: Draft, target) => {
    const { writers, readers } = usesOf(draft)
    const state = { buffers: [...draft.buffers], once: [...draft.once] }
    const out: (Dispatch | undefined)[] = [...draft.every]
    draft.every.forEach((d, i) => {
      const k = d.kernel
      if (k._tag !== 'PlainAttention' || k.project !== undefined || k.keys > mostKeys) return
      const id = d.operands[k.q.operand]!
      if (k.k.operand === k.q.operand || k.v.operand === k.q.operand || k.mask?.operand === k.q.operand) return
      const [made, ...others] = writers.get(id) ?? []
      if (made === undefined || others.length > 0 || readers.get(id)!.length !== 1 || draft.outputs.includes(id)) return
      const producer = out[made]!
      const product = producer.kernel
      if (product._tag !== 'Gemm' || product.terms.length !== 1) return
      const [term] = product.terms
      const isRows = size(product.batch) === 1 && product.rows.length === 1 && product.c.offset === 0
      const isPlain = term!.window === undefined && term!.segments.length === 1
      const panels = draft.panels.get(producer.operands[1]!)
      if (!isRows || !isPlain || panels?.parts[0]!.k.length !== 1) return
      if (draft.buffers[producer.operands[1]!]!.purpose._tag !== 'Kept') return
      const weights = matrixOf(state.buffers.length, panels)
      const both = projected(d, k, producer, product, state.buffers.length)
      if (both === undefined || !target.projects(both.kernel)) return
      if (bindingsOf(target, [...state.buffers, weights.buffer], both.operands) > target.mostOperands) return
      state.buffers.push(weights.buffer)
      state.once.push(weights.filled)
      out[i] = both
      out[made] = undefined
    })
    return { ...draft, ...state, every: out.filter((d) => d !== undefined) }
  },
}
