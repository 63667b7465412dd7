/** Where elements lie: views as strides, and in which order the axes of a value are laid out in memory. */
import { mapLeaves, origin, type Expr, type Load } from '../codegen/kernel.ts'
import { broadcastStrides } from '../graph/evaluate/values.ts'
import { size, strides, type Shape } from '../core/shape.ts'
import type { Gather, View } from '../graph/node.ts'

/** Strides under a change of index: new strides from old, and what is added to the offset. `undefined` where strides cannot say it. */
export type Restride = (
  old: readonly number[],
) => { readonly strides: readonly number[]; readonly offset: number } | undefined

const restrideLoad = (x: Load, by: Restride): Load | undefined => {
  const own = by(x.strides)
  if (own === undefined) return undefined
  const picks = x.picks.map((p) => {
    const index = restrideLoad(p.index, by)
    return index === undefined ? undefined : { ...p, index }
  })
  if (picks.some((p) => p === undefined)) return undefined
  return { ...x, strides: own.strides, offset: x.offset + own.offset, picks: picks.map((p) => p!) }
}

/** An expression whose operands are numbered otherwise. */
export const renamed = (e: Expr, by: (operand: number) => number): Expr => {
  const load = (l: Load): Load => ({
    ...l,
    operand: by(l.operand),
    picks: l.picks.map((p) => ({ ...p, index: load(p.index) })),
  })
  return mapLeaves(e, (x) => (x._tag === 'Load' ? load(x) : x))
}

/** An expression under a change of index, or undefined where strides cannot say it. */
export const restride = (e: Expr, by: Restride): Expr | undefined => {
  let possible = true
  const out = mapLeaves(e, (x) => {
    if (x._tag === 'Const') return x
    if (x._tag === 'Load') {
      const there = restrideLoad(x, by)
      possible &&= there !== undefined
      return there ?? x
    }
    const own = by(x.strides)
    possible &&= own !== undefined
    return own === undefined ? x : { ...x, strides: own.strides, offset: x.offset + own.offset }
  })
  return possible ? out : undefined
}

/**
 * Strides of the same elements in row-major order under another shape: old axes are taken in groups that make up groups of new ones, and
 * those of a group must follow one another in memory. As in NumPy's `_attempt_nocopy_reshape`.
 */
export const reshapeStrides = (from: Shape, to: Shape, old: readonly number[]): number[] | undefined => {
  const out = new Array<number>(to.length).fill(0)
  if (size(from) === 0) return out
  const olds = from.flatMap((d, i) => (d === 1 ? [] : [i]))
  const news = to.flatMap((d, i) => (d === 1 ? [] : [i]))
  let [i, j] = [0, 0]
  while (i < olds.length && j < news.length) {
    const [firstOld, firstNew] = [i, j]
    let a = from[olds[i++]!]!
    let b = to[news[j++]!]!
    while (a !== b) {
      if (a < b) a *= from[olds[i++]!]!
      else b *= to[news[j++]!]!
    }
    for (let k = firstOld; k < i - 1; k++)
      if (old[olds[k]!] !== old[olds[k + 1]!]! * from[olds[k + 1]!]!) return undefined
    let step = old[olds[i - 1]!]!
    for (let k = j - 1; k >= firstNew; k--) {
      out[news[k]!] = step
      step *= to[news[k]!]!
    }
  }
  return out
}

/** An expression read through a view, or undefined where that takes a copy first. A pad always does. */
export const seen = (e: Expr, view: View, from: Shape, to: Shape): Expr | undefined => {
  switch (view._tag) {
    case 'Reshape':
      return restride(e, (old) => {
        const fresh = reshapeStrides(from, to, old)
        return fresh && { strides: fresh, offset: 0 }
      })
    case 'Permute':
      return restride(e, (old) => ({ strides: view.axes.map((a) => old[a]!), offset: 0 }))
    case 'Expand':
      return broadcastTo(e, from, to)
    case 'Slice':
      return restride(e, (old) => ({
        strides: old.map((s, i) => s * view.step[i]!),
        offset: old.reduce((at, s, i) => at + s * view.start[i]!, 0),
      }))
    case 'Pad':
      return undefined
  }
}

/** An expression repeated along axes of extent 1 and new axes in front. */
export const broadcastTo = (e: Expr, from: Shape, to: Shape): Expr => {
  const repeats = broadcastStrides(from, to).map((s) => s === 0)
  const skip = to.length - from.length
  return restride(e, (old) => ({ strides: repeats.map((r, i) => (r ? 0 : old[i - skip]!)), offset: 0 }))!
}

/** An expression at an index along one axis that is read from memory: the axis is replaced by those of the index. */
export const picked = (e: Expr, n: Gather, index: Load): Expr => {
  const { axis } = n
  const from = n.x.shape
  const rank = n.indices.shape.length
  const widened = (old: readonly number[]): readonly number[] => [
    ...old.slice(0, axis),
    ...new Array<number>(rank).fill(0),
    ...old.slice(axis + 1),
  ]
  const place = (own: readonly number[]): readonly number[] => [
    ...new Array<number>(axis).fill(0),
    ...own,
    ...new Array<number>(from.length - axis - 1).fill(0),
  ]
  const at: Load = { ...index, strides: place(index.strides) }
  const pickLoad = (x: Load): Load => {
    const stride = x.strides[axis]!
    const inner = x.picks.map((p) => ({ ...p, index: pickLoad(p.index) }))
    const own = stride === 0 ? [] : [{ index: at, stride, extent: from[axis]!, [origin]: n }]
    return { ...x, strides: widened(x.strides), picks: [...inner, ...own] }
  }
  return mapLeaves(e, (x) => (x._tag === 'Load' ? pickLoad(x) : x))
}

/** Strides that lay the axes out in this order, outermost first. */
export const stridesInOrder = (shape: Shape, order: readonly number[]): number[] => {
  const dense = strides(order.map((a) => shape[a]!))
  const out = new Array<number>(shape.length).fill(0)
  order.forEach((a, i) => (out[a] = dense[i]!))
  return out
}

/** The order of the axes of a value made of others: that of the first operand that varies along all of them, else row-major. */
export const orderLike = (shape: Shape, loads: readonly Load[]): number[] => {
  const natural = shape.map((_, i) => i)
  const along = (l: Load, a: number): number =>
    Math.max(Math.abs(l.strides[a]!), ...l.picks.filter((p) => p.index.strides[a] !== 0).map((p) => p.stride))
  const leading = loads.find((l) => shape.every((d, a) => d === 1 || along(l, a) !== 0))
  if (leading === undefined) return natural
  const weight = (a: number): number => (shape[a] === 1 ? Infinity : along(leading, a))
  return natural.toSorted((a, b) => (weight(a) === weight(b) ? a - b : weight(b) - weight(a)))
}
