/** A node as TensorFlow.js ops. */
import * as tf from '@tensorflow/tfjs-core'
import { computed } from '../../core/dtype.ts'
import type { Shape } from '../../core/shape.ts'
import { isUnary } from '../../graph/build.ts'
import type { BinaryOp } from '../../core/ops.ts'
import {
  sources,
  type Call,
  type Dot,
  type Gather,
  type Map as MapNode,
  type Node,
  type Reduce,
  type ViewNode,
} from '../../graph/node.ts'
import type { TfjsName } from './device.ts'
import { convolution, geometryOf } from './channels-last.ts'
import { binaryKernels, foldKernels, unaryKernels } from './elementwise.ts'
import { webgpuBinary, webgpuUnary } from './webgpu-rows.ts'
import { asNumbers, transpose } from './transpose.ts'
import { mergeBroadcast, mergeKinds, mergePermute } from './squeeze.ts'

type T = tf.Tensor
/** Computes a node from its sources' tensors, each flat or of any shape with the right number of elements. */
export type Kernel = (xs: readonly T[]) => T

const maxRank = 6
const flat = (shape: Shape): number[] => [...shape]
const fits = (...shapes: readonly Shape[]): boolean => shapes.every((s) => s.length <= maxRank)

/** Names of calls that have a kernel here. */
export const callKernels: ReadonlySet<string> = new Set(['softmax', convolution])

// Integers wrap, truncate and saturate in our semantics, and differ between TensorFlow.js backends: only what cannot is left to them.
const exactIntegers: ReadonlySet<string> = new Set([
  'add',
  'sub',
  'min',
  'max',
  'lt',
  'le',
  'gt',
  'ge',
  'eq',
  'ne',
  'where',
])

const map = (n: MapNode, backend: TfjsName): Kernel | undefined => {
  const merged = mergeBroadcast(
    n.shape,
    n.xs.map((x) => x.shape),
  )
  if (!fits(merged.out)) return undefined
  const given = computed(n.xs.at(-1)!.dtype)
  const on =
    (f: Kernel): Kernel =>
    (xs) =>
      tf.reshape(f(xs.map((x, i) => tf.reshape(x, merged.operands[i]!))), flat(n.shape))
  if (n.op === 'cast') {
    if (n.dtype === 'f32') return on(([x]) => (x!.dtype === 'bool' ? asNumbers(x!) : tf.cast(x!, 'float32')))
    if (n.dtype === 'bool') return on(([x]) => tf.notEqual(x!, tf.scalar(0, x!.dtype)))
    return n.dtype === 'i32' && given === 'bool' ? on(([x]) => tf.cast(x!, 'int32')) : undefined
  }
  if (given === 'i32' && !exactIntegers.has(n.op)) return undefined
  if (n.op === 'where') return on(([c, x, y]) => tf.where(c!, x!, y!))
  if (isUnary(n.op)) {
    const kernel = (backend === 'tfjs-webgpu' ? webgpuUnary[n.op] : undefined) ?? unaryKernels[n.op]
    return on(([x]) => kernel(x!))
  }
  const op = n.op as BinaryOp
  const kernel = (backend === 'tfjs-webgpu' ? webgpuBinary[op] : undefined) ?? binaryKernels[op]
  // Comparisons of bools are not among the kernels; those of 0 and 1 are.
  return given === 'bool' && n.op !== 'and' && n.op !== 'or'
    ? on(([x, y]) => kernel(asNumbers(x!), asNumbers(y!)))
    : on(([x, y]) => kernel(x!, y!))
}

const reduce = (n: Reduce): Kernel | undefined => {
  if (computed(n.dtype) === 'i32' && n.op === 'prod') return undefined
  const merged = mergeKinds(
    n.x.shape,
    n.x.shape.map((_, i) => n.axes.includes(i)),
  )
  const axes = merged.kinds.flatMap((folded, i) => (folded ? [i] : []))
  if (!fits(merged.shape)) return undefined
  return ([x]) => tf.reshape(foldKernels[n.op](tf.reshape(x!, merged.shape), axes), flat(n.shape))
}

const view = (n: ViewNode): Kernel | undefined => {
  const { view: v } = n
  switch (v._tag) {
    case 'Reshape':
      return ([x]) => tf.reshape(x!, flat(n.shape))
    case 'Permute': {
      const merged = mergePermute(n.x.shape, v.axes)
      if (!fits(merged.shape)) return undefined
      return ([x]) => tf.reshape(transpose(tf.reshape(x!, merged.shape), merged.axes), flat(n.shape))
    }
    case 'Expand': {
      const merged = mergeBroadcast(n.shape, [n.x.shape])
      if (!fits(merged.out)) return undefined
      const times = merged.out.map((d, i) => d / merged.operands[0]![i]!)
      return ([x]) => tf.reshape(tf.tile(tf.reshape(x!, merged.operands[0]!), times), flat(n.shape))
    }
    case 'Slice': {
      const whole = n.shape.map((d, i) => d === n.x.shape[i] && (v.step[i] === 1 || d === 1))
      const merged = mergeKinds(
        n.x.shape,
        whole.map((w, i) => (w ? -1 : i)),
      )
      if (!fits(merged.shape) || v.step.some((s, i) => s < 0 && !(s === -1 && n.shape[i] === n.x.shape[i])))
        return undefined
      const of = (whole: (extent: number) => number, part: (axis: number) => number): number[] =>
        merged.kinds.map((axis, i) => (axis === -1 ? whole(merged.shape[i]!) : part(axis)))
      const flips = merged.kinds.flatMap((axis, i) => (axis !== -1 && v.step[axis]! < 0 ? [i] : []))
      const stride = of(
        () => 1,
        (a) => Math.max(v.step[a]!, 1),
      )
      const begin = of(
        () => 0,
        (a) => (v.step[a]! < 0 ? 0 : v.start[a]!),
      )
      const end = of(
        (d) => d,
        (a) => (v.step[a]! < 0 ? n.shape[a]! : v.start[a]! + (n.shape[a]! - 1) * v.step[a]! + 1),
      )
      return ([x]) => {
        const turned = flips.length > 0 ? tf.reverse(tf.reshape(x!, merged.shape), flips) : tf.reshape(x!, merged.shape)
        const taken = stride.every((s) => s === 1)
          ? tf.slice(
              turned,
              begin,
              end.map((e, i) => e - begin[i]!),
            )
          : tf.stridedSlice(turned, begin, end, stride)
        return tf.reshape(taken, flat(n.shape))
      }
    }
    case 'Pad': {
      const whole = n.shape.map((d, i) => (d === n.x.shape[i] ? -1 : i))
      const merged = mergeKinds(n.x.shape, whole)
      if (merged.shape.length > 4 || computed(n.dtype) !== 'f32') return undefined
      const sides = merged.kinds.map((axis, i): [number, number] =>
        axis === -1 ? [0, 0] : [v.before[axis]!, n.shape[axis]! - v.before[axis]! - merged.shape[i]!],
      )
      return ([x]) => tf.reshape(tf.pad(tf.reshape(x!, merged.shape), sides, v.value), flat(n.shape))
    }
  }
}

const dot = (n: Dot): Kernel | undefined => {
  if (!fits(n.shape)) return undefined
  return (xs) => tf.matMul(tf.reshape(xs[0]!, flat(n.x.shape)), tf.reshape(xs[1]!, flat(n.y.shape)))
}

const gather = (n: Gather): Kernel => {
  const outer = n.x.shape.slice(0, n.axis).reduce((a, b) => a * b, 1)
  const inner = n.x.shape.slice(n.axis + 1).reduce((a, b) => a * b, 1)
  const extent = n.x.shape[n.axis]!
  return ([x, indices]) => {
    const inside = tf.minimum(
      tf.maximum(tf.reshape(indices!, [-1]), tf.scalar(0, 'int32')),
      tf.scalar(extent - 1, 'int32'),
    )
    return tf.reshape(tf.gather(tf.reshape(x!, [outer, extent, inner]), tf.cast(inside, 'int32'), 1), flat(n.shape))
  }
}

const pairs = ([top, bottom, left, right]: readonly number[]): [
  [number, number],
  [number, number],
  [number, number],
  [number, number],
] => [
  [0, 0],
  [top!, bottom!],
  [left!, right!],
  [0, 0],
]

/** `channelsLast`'s convolution: x [N, H, W, C], w [h, w, C / groups, O]. */
const convNHWC = (n: Call): Kernel | undefined => {
  const { stride, padding, dilation, groups } = geometryOf(n)
  if (stride.some((s) => s !== 1) && dilation.some((d) => d !== 1)) return undefined
  const one = (x: T, w: T): T =>
    tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, [...stride], pairs(padding), 'NHWC', [...dilation])
  const per = n.args[0]!.shape[3]! / groups
  const outs = n.shape[3]! / groups
  return ([a, b]) => {
    const [x, w] = [tf.reshape(a!, flat(n.args[0]!.shape)), tf.reshape(b!, flat(n.args[1]!.shape))]
    if (groups === 1) return one(x, w)
    const part = (g: number): T =>
      one(tf.slice(x, [0, 0, 0, g * per], [-1, -1, -1, per]), tf.slice(w, [0, 0, 0, g * outs], [-1, -1, -1, outs]))
    return tf.concat(
      Array.from({ length: groups }, (_, g) => part(g)),
      3,
    )
  }
}

const call = (n: Call): Kernel | undefined => {
  if (n.name === convolution) return convNHWC(n)
  if (n.name !== 'softmax' || n.options['axis'] !== n.shape.length - 1) return undefined
  const columns = n.shape.at(-1)!
  return ([x]) => tf.reshape(tf.softmax(tf.reshape(x!, [-1, columns])), flat(n.shape))
}

const float16 = (n: Node): boolean => n.dtype === 'f16' || n.dtype === 'bf16'

/** The kernel of a node, or undefined where TensorFlow.js has none that means the same: the runtime then evaluates it on the host. */
export const lower = (n: Node, backend: TfjsName): Kernel | undefined => {
  // Its WebGPU kernels compute integers in float32, and their casts and transpositions are no valid WGSL; gathering by them is.
  if (backend === 'tfjs-webgpu' && n._tag !== 'Gather' && [n, ...sources(n)].some((x) => computed(x.dtype) === 'i32'))
    return undefined
  if (n.dtype === 'u32' || n.shape.some((d) => d === 0)) return undefined
  switch (n._tag) {
    case 'Input':
    case 'Buffer':
    case 'Const':
      return undefined
    case 'Iota':
      return () => tf.range(0, n.shape[0]!, 1, n.dtype === 'i32' ? 'int32' : 'float32')
    case 'Map':
      return float16(n) || n.xs.some((x) => x.dtype === 'u32') ? undefined : map(n, backend)
    case 'Reduce':
      return reduce(n)
    case 'View':
      return view(n)
    case 'Concat': {
      const outer = n.shape.slice(0, n.axis).reduce((a, b) => a * b, 1)
      return (xs) =>
        tf.reshape(
          tf.concat(
            xs.map((x) => tf.reshape(x, [outer, -1])),
            1,
          ),
          flat(n.shape),
        )
    }
    case 'Gather':
      return n.indices.dtype === 'u32' ? undefined : gather(n)
    case 'Dot':
      return dot(n)
    case 'Conv':
      return undefined
    case 'Call':
      return call(n)
  }
}
