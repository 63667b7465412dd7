/** Attention as one kernel, on keys and values in panels or where they lie. */
import { size, type Shape } from '../core/shape.ts'
import type { Call } from '../graph/node.ts'
import { broadcastStrides } from '../graph/evaluate/values.ts'
import type { AttentionKernel, Expr, Load, Matrices, PlainAttentionKernel } from '../codegen/kernel.ts'
import type { ProgramBuilder } from '../codegen/program.ts'
import { isFloats, plainOf, rowsOf } from './gemm.ts'
import { broadcastTo, seen, stridesInOrder } from './layout.ts'

const repeated = (from: Shape, to: Shape, by: readonly number[]): number[] => {
  const skip = to.length - from.length
  return to.map((_, i) => (i < skip || from[i - skip] === 1 ? 0 : by[i - skip]!))
}

const transposed = (e: Expr, shape: Shape): Load => {
  const axes = shape.map((_, i) => i)
  const swapped = [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]
  return seen(e, { _tag: 'Permute', axes: swapped }, shape, [])! as Load
}

/** Words that each thread of attention works on; what is allotted is for the most threads there can be. */
export const workWords = (keys: number): number => 16 * (Math.min(512, Math.ceil(keys / 8) * 8) + 16)
/** The most threads of a program. */
export const mostThreads = 16

/** [N, heads, T, E] is laid out as [N, T, heads, E]: heads side by side in memory, as what reads them mostly wants. */
const resultStrides = (shape: Shape): number[] => {
  const axes = shape.map((_, i) => i)
  const order = axes.length < 3 ? axes : [...axes.slice(0, -3), axes.at(-2)!, axes.at(-3)!, axes.at(-1)!]
  return stridesInOrder(shape, order)
}

/** What is added to the scores [...batch, rows, keys], if anything. */
const maskOf = (to: ProgramBuilder, n: Call, mask: Expr | undefined): Load | undefined => {
  if (mask === undefined) return undefined
  const { shape } = n.args[3]!
  const whole = [...n.shape.slice(0, -1), n.args[1]!.shape.at(-2)!]
  return broadcastTo(plainOf(to, mask, shape, 'mask'), shape, whole) as Load
}

/** The value of `attention(q, k, v, mask?)`. */
export const attend = (to: ProgramBuilder, n: Call, values: readonly Expr[]): Load =>
  to.target.attention === 'panels' ? onPanels(to, n, values) : onRows(to, n, values)

const onRows = (to: ProgramBuilder, n: Call, [q, k, v, mask]: readonly Expr[]): Load => {
  const batch = n.shape.slice(0, -2)
  const [rows, features] = n.shape.slice(-2) as [number, number]
  const [keys, depth] = n.args[1]!.shape.slice(-2) as [number, number]
  const operands: number[] = []
  const operandOf = (l: Load): number => {
    if (!operands.includes(l.operand)) operands.push(l.operand)
    return 1 + operands.indexOf(l.operand)
  }
  const matrices = (e: Expr, i: number, label: string): Matrices => {
    const { shape } = n.args[i]!
    const l = isFloats(e) ? e : to.store(e, shape, resultStrides(shape), label)
    return {
      operand: operandOf(l),
      offset: l.offset,
      batch: repeated(shape.slice(0, -2), batch, l.strides),
      row: l.strides.at(-2)!,
      column: l.strides.at(-1)!,
    }
  }
  const by = resultStrides(n.shape)
  const added = maskOf(to, n, mask)
  const kernel: PlainAttentionKernel = {
    _tag: 'PlainAttention',
    batch,
    rows,
    keys,
    depth,
    features,
    scale: n.options['scale'] as number,
    q: matrices(q!, 0, 'queries'),
    k: matrices(k!, 1, 'keys'),
    v: matrices(v!, 2, 'values'),
    out: { operand: 0, offset: 0, batch: by.slice(0, -2), row: by.at(-2)!, column: by.at(-1)! },
    mask: added && { ...added, operand: operandOf(added) },
  }
  const id = to.fill(kernel, 'f32', size(n.shape), operands, 'attention')
  return { _tag: 'Load', operand: id, element: 'f32', offset: 0, strides: by, picks: [] }
}

const onPanels = (to: ProgramBuilder, n: Call, [q, k, v, mask]: readonly Expr[]): Load => {
  const [a, b, c] = n.args as [Call, Call, Call]
  const batch = n.shape.slice(0, -2)
  const [rows, features] = n.shape.slice(-2) as [number, number]
  const [keys, depth] = b.shape.slice(-2) as [number, number]
  const queries = rowsOf(to, q!, a.shape, 'queries')
  const packed = (load: Load, of: Shape, rowsOfIt: number, columns: number, width: number): number =>
    to.packed({ batch: of.slice(0, -2), n: columns, width, parts: [{ b: load, k: [rowsOfIt] }] })
  const turned = transposed(plainOf(to, k!, b.shape, 'keys'), b.shape)
  const keyPanels = packed(turned, b.shape, depth, keys, 8)
  const valueWidth = to.target.panelWidth(features)
  const valuePanels = packed(plainOf(to, v!, c.shape, 'values'), c.shape, keys, features, valueWidth)
  const panelBatch = (shape: Shape, each: number): number[] =>
    broadcastStrides(shape.slice(0, -2), batch).map((s) => s * each)
  const by = resultStrides(n.shape)
  const added = maskOf(to, n, mask)
  const work = to.buffer('f32', mostThreads * workWords(keys), { _tag: 'Scratch' })
  const kernel: AttentionKernel = {
    _tag: 'Attention',
    batch,
    rows,
    keys,
    depth,
    features,
    scale: n.options['scale'] as number,
    q: {
      offset: queries.offset,
      batch: repeated(a.shape.slice(0, -2), batch, queries.strides),
      row: queries.strides.at(-2)!,
    },
    out: { offset: 0, batch: by.slice(0, -2), row: by.at(-2)! },
    keyBatch: panelBatch(b.shape, Math.ceil(keys / 8) * 8 * depth),
    valueBatch: panelBatch(c.shape, Math.ceil(features / valueWidth) * valueWidth * keys),
    valueWidth,
    mask: added && { ...added, operand: 5 },
  }
  const reads = [queries.operand, keyPanels, valuePanels, work, ...(added === undefined ? [] : [added.operand])]
  const id = to.fill(kernel, 'f32', size(n.shape), reads, 'attention')
  return { _tag: 'Load', operand: id, element: 'f32', offset: 0, strides: by, picks: [] }
}
