/** Views, concatenation and gathering, on the host. */
import { size, strides } from '../../core/shape.ts'
import type { Concat, Gather, ViewNode } from '../node.ts'
import { broadcastStrides, eachRow, valuesFor, type Precision, type Values } from './values.ts'

const strided = (n: ViewNode, x: Values, by: readonly number[], start: number, precision: Precision): Values => {
  const out = valuesFor(n.dtype, size(n.shape), precision)
  const step = by.at(-1) ?? 0
  const length = n.shape.at(-1) ?? 1
  eachRow(
    n.shape,
    [by],
    (at, [o]) => {
      for (let e = 0; e < length; e++) out[at + e] = x[o! + e * step]!
    },
    [start],
  )
  return out
}

/** The values of a view. A reshape shares its source's. */
export const view = (n: ViewNode, x: Values, precision: Precision): Values => {
  const own = strides(n.x.shape)
  const { view: v } = n
  switch (v._tag) {
    case 'Reshape':
      return x
    case 'Permute':
      return strided(
        n,
        x,
        v.axes.map((a) => own[a]!),
        0,
        precision,
      )
    case 'Expand':
      return strided(n, x, broadcastStrides(n.x.shape, n.shape), 0, precision)
    case 'Slice': {
      const start = v.start.reduce((at, s, i) => at + s * own[i]!, 0)
      return strided(
        n,
        x,
        v.step.map((s, i) => s * own[i]!),
        start,
        precision,
      )
    }
    case 'Pad': {
      const out = valuesFor(n.dtype, size(n.shape), precision).fill(v.value)
      const to = strides(n.shape)
      const length = n.x.shape.at(-1) ?? 1
      const start = v.before.reduce((at, b, i) => at + b * to[i]!, 0)
      eachRow(
        n.x.shape,
        [to],
        (at, [o]) => {
          for (let e = 0; e < length; e++) out[o! + e] = x[at + e]!
        },
        [start],
      )
      return out
    }
  }
}

/** The values of a concatenation. */
export const concat = (n: Concat, xs: readonly Values[], precision: Precision): Values => {
  const out = valuesFor(n.dtype, size(n.shape), precision)
  const outer = size(n.shape.slice(0, n.axis))
  const run = size(n.shape.slice(n.axis))
  let at = 0
  n.xs.forEach((source, j) => {
    const part = size(source.shape.slice(n.axis))
    for (let o = 0; o < outer; o++) out.set(xs[j]!.subarray(o * part, (o + 1) * part), o * run + at)
    at += part
  })
  return out
}

/** The values of a gather. */
export const gather = (n: Gather, x: Values, indices: Values, precision: Precision): Values => {
  const out = valuesFor(n.dtype, size(n.shape), precision)
  const extent = n.x.shape[n.axis]!
  const outer = size(n.x.shape.slice(0, n.axis))
  const inner = size(n.x.shape.slice(n.axis + 1))
  let at = 0
  for (let o = 0; o < outer; o++)
    for (const index of indices) {
      const from = (o * extent + Math.min(Math.max(index, 0), extent - 1)) * inner
      out.set(x.subarray(from, from + inner), at)
      at += inner
    }
  return out
}
