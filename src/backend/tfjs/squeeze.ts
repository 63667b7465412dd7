/** Shapes with fewer axes: neighbouring axes that an op treats alike are one. TensorFlow.js stops at six, and is faster with fewer. */
import { broadcastStrides } from '../../graph/evaluate/values.ts'
import type { Shape } from '../../core/shape.ts'

/** Operands' shapes under one output shape, with neighbouring axes merged wherever every operand either has both or repeats both. */
export const mergeBroadcast = (
  out: Shape,
  operands: readonly Shape[],
): { readonly out: number[]; readonly operands: number[][] } => {
  const repeats = operands.map((s) => broadcastStrides(s, out).map((stride) => stride === 0))
  const merged: { extent: number; pattern: string; repeats: boolean[] }[] = []
  out.forEach((d, axis) => {
    if (d === 1) return
    const mine = repeats.map((r) => r[axis]!)
    const pattern = mine.join()
    const last = merged.at(-1)
    if (last?.pattern === pattern) last.extent *= d
    else merged.push({ extent: d, pattern, repeats: mine })
  })
  return {
    out: merged.map((m) => m.extent),
    operands: operands.map((_, j) => merged.map((m) => (m.repeats[j] ? 1 : m.extent))),
  }
}

/** A shape in which neighbouring axes of the same kind are one, and the kind of each: for folds and slices. */
export const mergeKinds = <K>(
  shape: Shape,
  kinds: readonly K[],
  mergeable: (kind: K) => boolean = () => true,
): { readonly shape: number[]; readonly kinds: K[] } => {
  const extents: number[] = []
  const kept: K[] = []
  shape.forEach((d, i) => {
    const kind = kinds[i]!
    if (extents.length > 0 && kept.at(-1) === kind && mergeable(kind)) extents[extents.length - 1]! *= d
    else {
      extents.push(d)
      kept.push(kind)
    }
  })
  return { shape: extents, kinds: kept }
}

/** A permutation with axes of extent 1 dropped, and axes that stay neighbours as one. */
export const mergePermute = (
  shape: Shape,
  axes: readonly number[],
): { readonly shape: number[]; readonly axes: number[] } => {
  const runs: number[][] = []
  for (const a of axes.filter((at) => shape[at] !== 1)) {
    const last = runs.at(-1)
    const between = last === undefined ? [] : shape.slice(last.at(-1)! + 1, a)
    if (last !== undefined && a > last.at(-1)! && between.every((d) => d === 1)) last.push(a)
    else runs.push([a])
  }
  const order = [...runs].sort((p, q) => p[0]! - q[0]!)
  return {
    shape: order.map((run) => run.reduce((n, a) => n * shape[a]!, 1)),
    axes: runs.map((run) => order.indexOf(run)),
  }
}
