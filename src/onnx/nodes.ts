/** Reductions, movement and contractions as ONNX nodes. */
import { computed } from '../core/dtype.ts'
import type { ReduceOp } from '../core/ops.ts'
import type * as N from '../graph/node.ts'
import { inside, type Writer } from './writer.ts'

const folds: Readonly<Record<ReduceOp, string>> = {
  sum: 'ReduceSum',
  prod: 'ReduceProd',
  amax: 'ReduceMax',
  amin: 'ReduceMin',
  any: 'ReduceMax',
  all: 'ReduceMin',
}

/** A fold of axes, which stay. */
export const reduce = (w: Writer, n: N.Reduce, x: string): string => {
  const axes = w.integers(n.axes)
  const folded = (op: string, y: string): string => w.node(op, [y, axes], { keepdims: 1 })
  const dtype = computed(n.dtype)
  if (dtype === 'bool') return w.cast(folded(folds[n.op], w.cast(x, 'INT32')), 'BOOL')
  const y = folded(folds[n.op], x)
  if (dtype === 'u32') return n.op === 'sum' || n.op === 'prod' ? w.node('Mod', [y, w.number('u32', 2 ** 32)]) : y
  if (dtype !== 'f32' || n.op === 'sum' || n.op === 'prod') return y
  // ONNX leaves open what the extremes of a row with NaN are.
  const lost = w.cast(folded('ReduceMax', w.cast(w.node('IsNaN', [x]), 'INT32')), 'BOOL')
  return w.node('Where', [lost, w.number('f32', NaN), y])
}

const farBelow = -(2 ** 40)

/** The same values under other indices. */
export const view = (w: Writer, n: N.ViewNode, x: string): string => {
  const { view: v, shape } = n
  switch (v._tag) {
    case 'Reshape':
      return w.node('Reshape', [x, w.integers(shape)], shape.includes(0) ? { allowzero: 1 } : {})
    case 'Permute':
      return w.node('Transpose', [x], { perm: v.axes })
    case 'Expand':
      return w.node('Expand', [x, w.integers(shape)])
    case 'Slice': {
      const cut = shape.map((_, i) => i).filter((i) => shape[i] !== n.x.shape[i] || v.step[i]! < 0)
      const starts = cut.map((i) => v.start[i]!)
      // One past the last, in the direction of the step; before the first element is below any count from the end.
      const ends = cut.map((i) => {
        if (shape[i] === 0) return v.start[i]!
        const last = v.start[i]! + v.step[i]! * (shape[i]! - 1)
        return v.step[i]! > 0 ? last + 1 : last === 0 ? farBelow : last - 1
      })
      const steps = cut.map((i) => v.step[i]!)
      return w.node('Slice', [x, ...[starts, ends, cut, steps].map((list) => w.integers(list))])
    }
    case 'Pad': {
      const after = shape.map((d, i) => d - v.before[i]! - n.x.shape[i]!)
      return w.node('Pad', [x, w.integers([...v.before, ...after]), w.number(n.dtype, v.value)])
    }
  }
}

/** Rows chosen by indices, which are clamped. */
export const gather = (w: Writer, n: N.Gather, x: string, indices: string): string => {
  const last = n.x.shape[n.axis]! - 1
  const number = (value: number): string => w.number(n.indices.dtype, value)
  const { indices: from } = n
  const inRange =
    from._tag === 'Buffer' && from.source._tag === 'Host' && from.source.data.every((i) => i >= 0 && i <= last)
  const at = inRange ? indices : w.node('Max', [w.node('Min', [indices, number(last)]), number(0)])
  return w.node('Gather', [x, at], { axis: n.axis })
}

/** Cross-correlation, with the bias that is added to it, if any. */
export const conv = (w: Writer, n: N.Conv, x: string, weight: string, bias?: string): string => {
  const { stride, padding, dilation, groups } = n.geometry
  const [top, bottom, left, right] = padding
  return w.node('Conv', [x, weight, ...(bias === undefined ? [] : [bias])], {
    kernel_shape: n.w.shape.slice(2),
    strides: stride,
    pads: [top, left, bottom, right],
    dilations: dilation,
    group: groups,
  })
}

/** 0, 1, …, n − 1, in the file. */
export const iota = (w: Writer, n: N.Iota): string => {
  const count = n.shape[0]!
  const numbers = Int32Array.from({ length: count }, (_, i) => i)
  const name = w.values('i32', n.shape, numbers, 'iota')
  return inside[n.dtype] === 'INT32' ? name : w.cast(name, inside[n.dtype])
}
