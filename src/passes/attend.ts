/** Attention as one kernel, on keys and values in panels. */
import { size, type Shape } from '../core/shape.ts'
import type { Call } from '../graph/node.ts'
import { broadcastStrides } from '../graph/evaluate/values.ts'
import type { AttentionKernel, Expr, Load } from '../codegen/kernel.ts'
import type { ProgramBuilder } from '../codegen/program.ts'
import { packed, plainOf, rowsOf } from './gemm.ts'
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

/** The value of `attention(q, k, v, mask?)`: heads side by side in memory, as what reads them mostly wants. */
export const attend = (to: ProgramBuilder, n: Call, [q, k, v, mask]: readonly Expr[]): Load => {
  const [a, b, c] = n.args as [Call, Call, Call]
  const batch = n.shape.slice(0, -2)
  const [rows, features] = n.shape.slice(-2) as [number, number]
  const [keys, depth] = b.shape.slice(-2) as [number, number]
  const queries = rowsOf(to, q!, a.shape, 'queries')
  const keyPanels = packed(
    to,
    transposed(plainOf(to, k!, b.shape, 'keys'), b.shape),
    b.shape.slice(0, -2),
    [depth],
    keys,
    8,
  )
  const valueWidth = to.target.panelWidth(features)
  const valuePanels = packed(to, plainOf(to, v!, c.shape, 'values'), c.shape.slice(0, -2), [keys], features, valueWidth)
  const panelBatch = (shape: Shape, each: number): number[] =>
    broadcastStrides(shape.slice(0, -2), batch).map((s) => s * each)
  // [N, heads, T, E] is laid out as [N, T, heads, E].
  const axes = n.shape.map((_, i) => i)
  const order = axes.length < 3 ? axes : [...axes.slice(0, -3), axes.at(-2)!, axes.at(-3)!, axes.at(-1)!]
  const by = stridesInOrder(n.shape, order)
  const whole = [...batch, rows, keys]
  const added =
    mask === undefined
      ? undefined
      : (broadcastTo(plainOf(to, mask, n.args[3]!.shape, 'mask'), n.args[3]!.shape, whole) as Load)
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
