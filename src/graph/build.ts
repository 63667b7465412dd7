/** The one way to make nodes: each constructor checks its operands, infers shape and dtype, and interns. */
import { computed, type DType } from '../core/dtype.ts'
import { binary, reduce as folds, unary, type BinaryOp, type Kind, type ReduceOp, type UnaryOp } from '../core/ops.ts'
import { axisOf, broadcast, sameShape, size, type Shape } from '../core/shape.ts'
import { DTypeError, ShapeError } from '../errors.ts'
import * as N from './node.ts'

const ids = (xs: readonly N.Node[]): string => xs.map((x) => x.id).join(' ')
const numeral = (value: number): string => (Object.is(value, -0) ? '-0' : `${value}`)
const labels = (xs: readonly N.Node[]): string[] =>
  xs.flatMap((x) => (x._tag === 'Buffer' && x.label !== undefined ? [x.label] : []))

/** A value bound at each run. */
export const input = (name: string, shape: Shape, dtype: DType = 'f32'): N.Input =>
  N.unique<N.Input>({ _tag: 'Input', shape, dtype, name })

/** Values that exist; only ever equal to itself. */
export const buffer = (source: N.Source, shape: Shape, dtype: DType, label?: string): N.Buffer => {
  if (source._tag === 'Host' && source.data.length !== size(shape))
    throw new ShapeError('tensor', [[source.data.length], shape], 'differ in size')
  return N.unique<N.Buffer>({ _tag: 'Buffer', shape, dtype, source, label })
}

/** One number. */
export const constant = (value: number, dtype: DType = 'f32'): N.Const =>
  N.intern<N.Const>(`const ${dtype} ${numeral(value)}`, () => ({ _tag: 'Const', shape: [], dtype, value }))

/** 0 … n − 1. */
export const iota = (n: number, dtype: DType = 'i32'): N.Iota =>
  N.intern<N.Iota>(`iota ${dtype} ${n}`, () => ({ _tag: 'Iota', shape: [n], dtype }))

const accepts: Record<Kind, readonly DType[]> = {
  numeric: ['f32', 'i32', 'u32'],
  float: ['f32'],
  compare: ['f32', 'i32', 'u32', 'bool'],
  test: ['f32'],
  logic: ['bool'],
}

const resultOf = (op: string, kind: Kind, xs: readonly N.Node[]): DType => {
  const given = xs.map((x) => computed(x.dtype))
  const [first] = given
  if (given.some((d) => d !== first)) throw new DTypeError(op, given, "differ; cast one, as in x.to('f32')")
  if (!accepts[kind].includes(first!))
    throw new DTypeError(op, given, `cannot be; it takes ${accepts[kind].join(' or ')}`)
  return kind === 'numeric' || kind === 'float' ? first! : 'bool'
}

const map = (op: N.MapOp, dtype: DType, xs: readonly N.Node[]): N.Map => {
  const shape = broadcast(
    op,
    xs.map((x) => x.shape),
    labels(xs),
  )
  return N.intern<N.Map>(`${op} ${dtype} ${ids(xs)}`, () => ({ _tag: 'Map', shape, dtype, op, xs }))
}

/** A row of `unary`. */
export const map1 = (op: UnaryOp, x: N.Node): N.Map => map(op, resultOf(op, unary[op].kind, [x]), [x])

/** A row of `binary`, broadcasting. */
export const map2 = (op: BinaryOp, x: N.Node, y: N.Node): N.Map =>
  map(op, resultOf(op, binary[op].kind, [x, y]), [x, y])

/** `condition ? x : y`, broadcasting. */
export const where = (condition: N.Node, x: N.Node, y: N.Node): N.Map => {
  if (condition.dtype !== 'bool') throw new DTypeError('where', [condition.dtype], 'is no condition; it takes bool')
  if (computed(x.dtype) !== computed(y.dtype))
    throw new DTypeError('where', [x.dtype, y.dtype], "differ; cast one, as in x.to('f32')")
  return map('where', computed(x.dtype), [condition, x, y])
}

/** Conversion: to integers towards zero (NaN is 0, out of range the nearest), to bool `x ≠ 0`, to 16 bits rounding to even. */
export const cast = (dtype: DType, x: N.Node): N.Node => (x.dtype === dtype ? x : map('cast', dtype, [x]))

/** A fold of the given axes, which stay with extent 1. */
export const reduce = (op: ReduceOp, axes: readonly number[], x: N.Node): N.Node => {
  const at = [...new Set(axes.map((a) => axisOf(op, x.shape, a)))].sort((a, b) => a - b)
  const dtype = resultOf(op, folds[op].kind, [x])
  if (at.length === 0) return x
  const shape = x.shape.map((d, i) => (at.includes(i) ? 1 : d))
  return N.intern<N.Reduce>(`reduce ${op} ${at} ${x.id}`, () => ({ _tag: 'Reduce', shape, dtype, op, axes: at, x }))
}

const view = (key: string, v: N.View, shape: Shape, x: N.Node): N.ViewNode =>
  N.intern<N.ViewNode>(`${key} ${x.id}`, () => ({ _tag: 'View', shape, dtype: x.dtype, view: v, x }))

/** The same values in row-major order. One extent may be −1: what is left. */
export const reshape = (shape: Shape, x: N.Node): N.Node => {
  const known = shape.reduce((a, d) => (d === -1 ? a : a * d), 1)
  const to = shape.map((d) => (d === -1 ? size(x.shape) / known : d))
  if (
    shape.filter((d) => d === -1).length > 1 ||
    size(to) !== size(x.shape) ||
    to.some((d) => !Number.isInteger(d) || d < 0)
  )
    throw new ShapeError('reshape', [x.shape, shape], 'differ in size', labels([x]))
  return sameShape(to, x.shape) ? x : view(`reshape ${to}`, { _tag: 'Reshape' }, to, x)
}

/** Axes in another order: axis i of the result is axis `axes[i]` of x. */
export const permute = (axes: readonly number[], x: N.Node): N.Node => {
  const at = axes.map((a) => axisOf('permute', x.shape, a))
  if (at.length !== x.shape.length || new Set(at).size !== at.length)
    throw new ShapeError('permute', [x.shape, axes], 'is no order of its axes', labels([x]))
  if (at.every((a, i) => a === i)) return x
  return view(
    `permute ${at}`,
    { _tag: 'Permute', axes: at },
    at.map((a) => x.shape[a]!),
    x,
  )
}

/** Extents of 1 repeated, and new axes in front. */
export const expand = (shape: Shape, x: N.Node): N.Node => {
  const fits =
    shape.length >= x.shape.length && x.shape.every((d, i) => d === 1 || d === shape[shape.length - x.shape.length + i])
  if (!fits) throw new ShapeError('expand', [x.shape, shape], 'do not expand', labels([x]))
  return sameShape(shape, x.shape) ? x : view(`expand ${shape}`, { _tag: 'Expand' }, shape, x)
}

/** `shape[i]` elements from `start[i]` on, every `step[i]`-th; a negative step goes backwards. */
export const slice = (start: readonly number[], step: readonly number[], shape: Shape, x: N.Node): N.Node => {
  const inside = x.shape.every((d, i) => {
    const last = start[i]! + step[i]! * (shape[i]! - 1)
    return shape[i] === 0 || (start[i]! >= 0 && start[i]! < d && last >= 0 && last < d && step[i] !== 0)
  })
  if (start.length !== x.shape.length || shape.length !== x.shape.length || !inside)
    throw new ShapeError('slice', [x.shape, start, shape], 'reaches outside', labels([x]))
  if (sameShape(shape, x.shape) && step.every((s, i) => s === 1 || shape[i]! <= 1)) return x
  return view(`slice ${start};${step};${shape}`, { _tag: 'Slice', start, step }, shape, x)
}

/** `before[i]` and `after[i]` more elements along axis i, all of one value. */
export const pad = (before: readonly number[], after: readonly number[], value: number, x: N.Node): N.Node => {
  if (before.length !== x.shape.length || after.length !== x.shape.length || [...before, ...after].some((d) => d < 0))
    throw new ShapeError('pad', [x.shape, before, after], 'do not fit', labels([x]))
  const shape = x.shape.map((d, i) => d + before[i]! + after[i]!)
  if (sameShape(shape, x.shape)) return x
  return view(`pad ${before};${after};${numeral(value)}`, { _tag: 'Pad', before, value }, shape, x)
}

/** End to end along an axis. */
export const concat = (axis: number, xs: readonly N.Node[]): N.Node => {
  const [first] = xs
  if (first === undefined) throw new ShapeError('concat', [], 'needs at least one tensor')
  const at = axisOf('concat', first.shape, axis)
  const fits = (x: N.Node): boolean =>
    x.shape.length === first.shape.length && x.shape.every((d, i) => i === at || d === first.shape[i])
  if (!xs.every(fits))
    throw new ShapeError(
      'concat',
      xs.map((x) => x.shape),
      `differ outside axis ${at}`,
      labels(xs),
    )
  if (xs.some((x) => x.dtype !== first.dtype))
    throw new DTypeError(
      'concat',
      xs.map((x) => x.dtype),
      'differ; cast one',
    )
  if (xs.length === 1) return first
  const shape = first.shape.map((d, i) => (i === at ? xs.reduce((n, x) => n + x.shape[at]!, 0) : d))
  return N.intern<N.Concat>(`concat ${at} ${ids(xs)}`, () => ({
    _tag: 'Concat',
    shape,
    dtype: first.dtype,
    axis: at,
    xs,
  }))
}

/** `x` along `axis` at the given integer indices; the axis is replaced by the shape of the indices. */
export const gather = (axis: number, x: N.Node, indices: N.Node): N.Gather => {
  const at = axisOf('gather', x.shape, axis)
  if (indices.dtype !== 'i32' && indices.dtype !== 'u32')
    throw new DTypeError('gather', [indices.dtype], 'is no index; it takes i32 or u32')
  const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)]
  return N.intern<N.Gather>(`gather ${at} ${x.id} ${indices.id}`, () => ({
    _tag: 'Gather',
    shape,
    dtype: x.dtype,
    axis: at,
    x,
    indices,
  }))
}

const float = (op: string, xs: readonly N.Node[]): void => {
  if (xs.some((x) => computed(x.dtype) !== 'f32'))
    throw new DTypeError(
      op,
      xs.map((x) => x.dtype),
      'cannot be; it takes f32',
    )
}

/** x [..., M, K] · y [..., K, N] = [..., M, N]. */
export const dot = (x: N.Node, y: N.Node): N.Dot => {
  float('dot', [x, y])
  const [m, k] = x.shape.slice(-2)
  const [l, n] = y.shape.slice(-2)
  if (x.shape.length < 2 || y.shape.length < 2 || k !== l)
    throw new ShapeError('dot', [x.shape, y.shape], 'do not multiply', labels([x, y]))
  const batch = broadcast('dot', [x.shape.slice(0, -2), y.shape.slice(0, -2)], labels([x, y]))
  return N.intern<N.Dot>(`dot ${x.id} ${y.id}`, () => ({ _tag: 'Dot', shape: [...batch, m!, n!], dtype: 'f32', x, y }))
}

/** Cross-correlation; see `Conv`. */
export const conv = (geometry: N.ConvGeometry, x: N.Node, w: N.Node): N.Conv => {
  float('conv', [x, w])
  const { stride, padding, dilation, groups } = geometry
  const [n, c, h, wide] = x.shape
  const [o, ci, kh, kw] = w.shape
  const fits = x.shape.length === 4 && w.shape.length === 4 && c === ci! * groups && o! % groups === 0
  if (!fits) throw new ShapeError('conv', [x.shape, w.shape], `do not convolve in ${groups} group(s)`, labels([x, w]))
  const extent = (d: number, k: number, p: number, axis: 0 | 1): number =>
    Math.floor((d + p - dilation[axis] * (k - 1) - 1) / stride[axis]) + 1
  const height = extent(h!, kh!, padding[0] + padding[1], 0)
  const width = extent(wide!, kw!, padding[2] + padding[3], 1)
  if (height < 1 || width < 1) throw new ShapeError('conv', [x.shape, w.shape], 'leave no output', labels([x, w]))
  const key = `conv ${stride};${padding};${dilation};${groups} ${x.id} ${w.id}`
  return N.intern<N.Conv>(key, () => ({ _tag: 'Conv', shape: [n!, o!, height, width], dtype: 'f32', geometry, x, w }))
}

/** A named composition: `make` gives its body from fresh inputs, and must depend on nothing but them and `options`. */
export const call = (
  name: string,
  options: N.CallOptions,
  args: readonly N.Node[],
  make: (inputs: readonly N.Input[]) => N.Node,
): N.Call =>
  N.intern<N.Call>(`call ${name} ${JSON.stringify(options)} ${ids(args)}`, () => {
    const inputs = args.map((a, i) => input(`${name}.${i}`, a.shape, a.dtype))
    const out = make(inputs)
    const body: N.Graph = { inputs, outputs: [out] }
    return { _tag: 'Call', shape: out.shape, dtype: out.dtype, name, options, args, body }
  })

/** The call of other arguments. Those of the same types share its body, which is a function of its own inputs. */
const again = (n: N.Call, args: readonly N.Node[]): N.Call => {
  const isAlike = args.every((a, i) => a.dtype === n.args[i]!.dtype && sameShape(a.shape, n.args[i]!.shape))
  if (!isAlike)
    return call(n.name, n.options, args, (inputs) =>
      substitute(n.body.outputs[0]!, new Map(n.body.inputs.map((p, i) => [p, inputs[i]!]))),
    )
  const { id: _, ...same } = n
  return N.intern<N.Call>(`call ${n.name} ${JSON.stringify(n.options)} ${ids(args)}`, () => ({ ...same, args }))
}

/** The same node over other sources; interned, so unchanged sources give the node itself. */
export const withSources = (n: N.Node, xs: readonly N.Node[]): N.Node => {
  const olds = N.sources(n)
  if (olds.every((x, i) => x === xs[i])) return n
  const [x, y, z] = xs as [N.Node, N.Node, N.Node]
  switch (n._tag) {
    case 'Input':
    case 'Buffer':
    case 'Const':
    case 'Iota':
      return n
    case 'Map':
      if (n.op === 'where') return where(x, y, z)
      if (n.op === 'cast') return cast(n.dtype, x)
      return isUnary(n.op) ? map1(n.op, x) : map2(n.op, x, y)
    case 'Reduce':
      return reduce(n.op, n.axes, x)
    case 'View':
      return viewed(n.view, n.shape, x)
    case 'Concat':
      return concat(n.axis, xs)
    case 'Gather':
      return gather(n.axis, x, y)
    case 'Dot':
      return dot(x, y)
    case 'Conv':
      return conv(n.geometry, x, y)
    case 'Call':
      return again(n, xs)
  }
}

/** A view of x with the given result shape. */
export const viewed = (v: N.View, shape: Shape, x: N.Node): N.Node => {
  switch (v._tag) {
    case 'Reshape':
      return reshape(shape, x)
    case 'Permute':
      return permute(v.axes, x)
    case 'Expand':
      return expand(shape, x)
    case 'Slice':
      return slice(v.start, v.step, shape, x)
    case 'Pad':
      return pad(
        v.before,
        shape.map((d, i) => d - v.before[i]! - x.shape[i]!),
        v.value,
        x,
      )
  }
}

/** Is this the name of a row of `unary`? */
export const isUnary = (op: N.MapOp): op is UnaryOp => Object.hasOwn(unary, op)

/** `root` with some nodes replaced by others. */
export const substitute = (root: N.Node, by: ReadonlyMap<N.Node, N.Node>): N.Node => {
  const made = new Map<N.Node, N.Node>(by)
  for (const n of N.toposort([root]))
    if (!made.has(n))
      made.set(
        n,
        withSources(
          n,
          N.sources(n).map((s) => made.get(s)!),
        ),
      )
  return made.get(root)!
}
