/** Attention as one kernel, on queries, keys and values where they lie. */
import { size, type Shape } from '../core/shape.ts'
import type { Call } from '../graph/node.ts'
import type { Expr, Load, Matrices, PlainAttentionKernel } from '../codegen/kernel.ts'
import type { ProgramBuilder } from '../codegen/program.ts'
import { isFloats, plainOf } from './gemm.ts'
import { broadcastTo, stridesInOrder } from './layout.ts'

const repeated = (from: Shape, to: Shape, by: readonly number[]): number[] => {
  const skip = to.length - from.length
  return to.map((_, i) => (i < skip || from[i - skip] === 1 ? 0 : by[i - skip]!))
}

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
export const attend = (to: ProgramBuilder, n: Call, [q, k, v, mask]: readonly Expr[]): Load => {
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
  const id = to.fill(kernel, 'f32', size(n.shape), operands, 'attention', [n])
  return { _tag: 'Load', operand: id, element: 'f32', offset: 0, strides: by, picks: [] }
}
