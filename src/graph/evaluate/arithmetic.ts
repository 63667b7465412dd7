/** Elementwise ops and folds, on the host. */
import { binary, reduce as folds, unary, type BinaryOp } from '../../core/ops.ts'
import { size, strides } from '../../core/shape.ts'
import { isUnary } from '../build.ts'
import type { Map as MapNode, Reduce } from '../node.ts'
import { broadcastStrides, convert, eachRow, valuesFor, type Precision, type Values } from './values.ts'

type Meaning = (x: number, y: number, z: number) => number

const meaning = (n: MapNode): Meaning => {
  if (n.op === 'where') return (c, x, y) => (c ? x : y)
  if (n.op === 'cast') return (x) => convert(n.dtype, x)
  const row: { readonly eval: (x: number, y: number) => number; readonly int?: (x: number, y: number) => number } =
    isUnary(n.op) ? unary[n.op] : binary[n.op as BinaryOp]
  return n.dtype === 'f32' ? row.eval : (row.int ?? row.eval)
}

/** The values of an elementwise op. Integers wrap, as in two's complement. */
export const map = (n: MapNode, xs: readonly Values[], precision: Precision): Values => {
  const out = valuesFor(n.dtype, size(n.shape), precision)
  const f = meaning(n)
  const [x, y, z] = [xs[0]!, xs[1] ?? xs[0]!, xs[2] ?? xs[0]!]
  if (n.xs.every((s) => size(s.shape) === out.length)) {
    for (let i = 0; i < out.length; i++) out[i] = f(x[i]!, y[i]!, z[i]!)
    return out
  }
  const [a, b, c] = [0, 1, 2].map((i) => broadcastStrides((n.xs[i] ?? n.xs[0]!).shape, n.shape)) as [
    number[],
    number[],
    number[],
  ]
  const [da, db, dc] = [a.at(-1) ?? 0, b.at(-1) ?? 0, c.at(-1) ?? 0]
  const length = n.shape.at(-1) ?? 1
  eachRow(n.shape, [a, b, c], (at, [i, j, k]) => {
    for (let e = 0; e < length; e++) out[at + e] = f(x[i! + e * da]!, y[j! + e * db]!, z[k! + e * dc]!)
  })
  return out
}

/** The values of a fold. Float sums are accumulated in float64 and rounded once. */
export const reduce = (n: Reduce, x: Values, precision: Precision): Values => {
  const total = valuesFor(n.dtype, size(n.shape), 'f64').fill(folds[n.op].identity)
  const row: { readonly eval: (x: number, y: number) => number; readonly int?: (x: number, y: number) => number } =
    folds[n.op]
  const f = n.dtype === 'f32' ? row.eval : (row.int ?? row.eval)
  // An integer has no ∞: its fold starts at its own extreme.
  if (n.dtype === 'i32' || n.dtype === 'u32') total.fill(convert(n.dtype, folds[n.op].identity))
  const own = strides(n.shape).map((s, i) => (n.axes.includes(i) ? 0 : s))
  const step = own.at(-1) ?? 0
  const length = n.x.shape.at(-1) ?? 1
  eachRow(n.x.shape, [own], (at, [o]) => {
    for (let e = 0; e < length; e++) total[o! + e * step] = f(total[o! + e * step]!, x[at + e]!)
  })
  return n.dtype === 'f32' && precision === 'f32' ? Float32Array.from(total) : total
}
