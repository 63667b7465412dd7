/** The language people write. */
import { allocate, computed, type DType, type Storage } from '../core/dtype.ts'
import { binary, reduce, unary, type BinaryOp, type ReduceOp, type UnaryOp } from '../core/ops.ts'
import { axisOf, size, type Shape } from '../core/shape.ts'
import { ShapeError } from '../errors.ts'
import * as build from '../graph/build.ts'
import type { Node } from '../graph/node.ts'

/** A number known now, or a tensor known later. A number takes the dtype of the tensor it meets. */
export type Scalar = Tensor | number

type Rows = { readonly [K in UnaryOp]: () => Tensor } & { readonly [K in BinaryOp]: (y: Scalar) => Tensor } & {
  readonly [K in ReduceOp]: (...axes: number[]) => Tensor
}

/**
 * An immutable description of a value: its shape, its dtype, and the graph that computes it. It owns no memory and does no work;
 * `compile` and `read` do. Every row of the op table is a method: `x.mul(a).add(b).silu()`, `x.sum(-1)`. Elementwise methods broadcast
 * as NumPy does and throw `ShapeError` or `DTypeError` on the line that wrote them; reductions keep their axes with extent 1, and
 * without axes fold all of them.
 */
export interface Tensor extends Rows {}
export class Tensor {
  /** The node of the graph that this is a handle on. */
  readonly node: Node
  constructor(node: Node) {
    this.node = node
  }
  /** The extent of every axis. */
  get shape(): Shape {
    return this.node.shape
  }
  /** The element type. */
  get dtype(): DType {
    return this.node.dtype
  }
  /** The same values in row-major order under another shape; one extent may be −1. */
  reshape(...shape: number[]): Tensor {
    return new Tensor(build.reshape(shape, this.node))
  }
  /** Axes in another order: axis i of the result is axis `axes[i]` of this. */
  permute(...axes: number[]): Tensor {
    return new Tensor(build.permute(axes, this.node))
  }
  /** The last two axes exchanged. */
  transpose(): Tensor {
    const rank = this.shape.length
    return this.permute(...Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i)))
  }
  /** Axes of extent 1 repeated, and new axes in front, to the given shape. */
  expand(...shape: number[]): Tensor {
    return new Tensor(build.expand(shape, this.node))
  }
  /** Elements start, start + step, … before `end` along an axis. Negative positions count from the end. */
  slice(axis: number, start: number, end?: number, step = 1): Tensor {
    const at = axisOf('slice', this.shape, axis)
    const d = this.shape[at]!
    const clamp = (i: number): number => Math.min(Math.max(i < 0 ? i + d : i, 0), d)
    const [from, to] = [clamp(start), clamp(end ?? d)]
    if (!(Number.isInteger(step) && step > 0)) throw new ShapeError('slice', [this.shape], `has no step ${step}`)
    const length = Math.max(0, Math.ceil((to - from) / step))
    const along = <T>(value: T, others: (extent: number) => T): T[] =>
      this.shape.map((e, i) => (i === at ? value : others(e)))
    return new Tensor(
      build.slice(
        along(length === 0 ? 0 : from, () => 0),
        along(step, () => 1),
        along(length, (e) => e),
        this.node,
      ),
    )
  }
  /** The order of the elements along an axis reversed. */
  flip(axis: number): Tensor {
    const at = axisOf('flip', this.shape, axis)
    const start = this.shape.map((d, i) => (i === at ? Math.max(0, d - 1) : 0))
    const step = this.shape.map((_, i) => (i === at ? -1 : 1))
    return new Tensor(build.slice(start, step, this.shape, this.node))
  }
  /** `before` and `after` more elements along every axis, all of one value. */
  pad(before: readonly number[], after: readonly number[], value = 0): Tensor {
    return new Tensor(build.pad(before, after, value, this.node))
  }
  /** This along `axis` at integer `indices`, whose shape replaces the axis. Indices outside are clamped. */
  gather(axis: number, indices: Tensor): Tensor {
    return new Tensor(build.gather(axis, this.node, indices.node))
  }
  /** Matrix product of the last two axes, broadcast over the others: [..., M, K] · [..., K, N]. */
  dot(y: Tensor): Tensor {
    return new Tensor(build.dot(this.node, y.node))
  }
  /** This bool as a choice: `x` where it holds, `y` elsewhere. */
  where(x: Scalar, y: Scalar): Tensor {
    const [a, b] = pair(x, y)
    return new Tensor(build.where(this.node, a, b))
  }
  /** Conversion to another dtype: to integers towards zero, to bool `x ≠ 0`, to f16 and bf16 rounding to even. */
  to(dtype: DType): Tensor {
    return new Tensor(build.cast(dtype, this.node))
  }
  /** The mean over axes, which stay with extent 1; without axes, over all of them. */
  mean(...axes: number[]): Tensor {
    const total = this.sum(...axes)
    return total.div(size(this.shape) / size(total.shape))
  }
}

const pair = (x: Scalar, y: Scalar): readonly [Node, Node] => {
  if (typeof x !== 'number') return [x.node, nodeOf(y, x.dtype)]
  if (typeof y !== 'number') return [nodeOf(x, y.dtype), y.node]
  return [build.constant(x), build.constant(y)]
}

/** The node of a tensor, or a constant of the given dtype. */
export const nodeOf = (x: Scalar, dtype: DType = 'f32'): Node =>
  typeof x === 'number' ? build.constant(x, computed(dtype)) : x.node

const define = (name: string, method: (this: Tensor, ...args: never[]) => Tensor): void => {
  Object.defineProperty(Tensor.prototype, name, { value: method })
}
for (const op of Object.keys(unary) as UnaryOp[])
  define(op, function () {
    return new Tensor(build.map1(op, this.node))
  })
for (const op of Object.keys(binary) as BinaryOp[])
  define(op, function (y: Scalar) {
    return new Tensor(build.map2(op, this.node, nodeOf(y, this.dtype)))
  })
for (const op of Object.keys(reduce) as ReduceOp[])
  define(op, function (...axes: number[]) {
    return new Tensor(build.reduce(op, axes.length > 0 ? axes : this.shape.map((_, i) => i), this.node))
  })

type Nested = number | readonly Nested[]
const shapeOf = (x: Nested): number[] =>
  typeof x === 'number' ? [] : [x.length, ...(x[0] === undefined ? [] : shapeOf(x[0]))]
const stored = (dtype: DType, data: ArrayLike<number>): Storage => {
  const out = allocate(dtype, data.length)
  out.set(data)
  return out
}

/**
 * Values as a tensor: nested arrays (`tensor([[1, 2], [3, 4]])`), or a flat list and its shape. The dtype is f32 unless given; f16 and
 * bf16 take their 16-bit patterns. Throws `ShapeError` when the number of values is not that of the shape.
 */
export const tensor = (
  data: Nested | ArrayLike<number>,
  shape?: Shape,
  dtype: DType = 'f32',
  label?: string,
): Tensor => {
  const flat: ArrayLike<number> =
    typeof data === 'number'
      ? [data]
      : Array.isArray(data)
        ? ((data as Nested[]).flat(Infinity as 1) as number[])
        : (data as ArrayLike<number>)
  const to = shape ?? (Array.isArray(data) || typeof data === 'number' ? shapeOf(data as Nested) : [flat.length])
  return new Tensor(build.buffer({ _tag: 'Host', data: stored(dtype, flat) }, to, dtype, label))
}

/** Storage as a tensor, without a copy: the caller must not write to it again. `label` names it in errors and listings. */
export const fromStorage = (data: Storage, shape: Shape, dtype: DType, label?: string): Tensor =>
  new Tensor(build.buffer({ _tag: 'Host', data }, shape, dtype, label))

/** One number, everywhere. */
export const full = (shape: Shape, value: number, dtype: DType = 'f32'): Tensor =>
  new Tensor(build.expand(shape, build.constant(value, dtype)))

/** 0, everywhere. */
export const zeros = (shape: Shape, dtype: DType = 'f32'): Tensor => full(shape, 0, dtype)

/** 1, everywhere. */
export const ones = (shape: Shape, dtype: DType = 'f32'): Tensor => full(shape, 1, dtype)

/** 0, 1, …, n − 1. */
export const iota = (n: number, dtype: DType = 'i32'): Tensor => new Tensor(build.iota(n, dtype))

/** Tensors end to end along an axis. */
export const concat = (xs: readonly Tensor[], axis = 0): Tensor =>
  new Tensor(
    build.concat(
      axis,
      xs.map((x) => x.node),
    ),
  )

/** Tensors of one shape side by side, along a new axis. */
export const stack = (xs: readonly Tensor[], axis = 0): Tensor =>
  concat(
    xs.map((x) => {
      const at = axis < 0 ? axis + x.shape.length + 1 : axis
      return x.reshape(...x.shape.slice(0, at), 1, ...x.shape.slice(at))
    }),
    axis,
  )
