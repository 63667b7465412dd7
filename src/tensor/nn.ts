/**
 * Layers: curried functions of their parameters, `(params, options?) => (x) => y`, so that
 * `pipe(x, groupNorm(p.norm1, { groups: 32 }), silu, conv2d(p.conv1, { padding: 1 }))` is a Sequential. Images are [N, C, H, W].
 */
import { axisOf, size } from '../core/shape.ts'
import { ShapeError } from '../errors.ts'
import * as build from '../graph/build.ts'
import type { CallOptions } from '../graph/node.ts'
import { concat, fromStorage, iota, Tensor, type Scalar } from './tensor.ts'

/** Parameters of an affine map: weight [out, in], bias [out]. */
export type Linear = { readonly weight: Tensor; readonly bias?: Tensor | undefined }
/** Parameters of a convolution: weight [out, in / groups, h, w], bias [out]. */
export type Conv2d = Linear
/** Gain and shift of a normalisation, [C] each. */
export type Norm = { readonly weight: Tensor; readonly bias?: Tensor | undefined }
/** A table of vectors: weight [entries, features]. */
export type Embedding = { readonly weight: Tensor }

/** A composition with a name, which a backend may know a faster kernel for. `body` must depend on its arguments and `options` alone. */
export const call = (
  name: string,
  options: CallOptions,
  args: readonly Tensor[],
  body: (...args: readonly Tensor[]) => Tensor,
): Tensor =>
  new Tensor(
    build.call(
      name,
      options,
      args.map((a) => a.node),
      (inputs) => body(...inputs.map((i) => new Tensor(i))).node,
    ),
  )

const present = (...xs: readonly (Tensor | undefined)[]): Tensor[] => xs.filter((x) => x !== undefined)

/** y = x Wᵀ + b over the last axis: [..., in] → [..., out]. */
export const linear =
  (p: Linear) =>
  (x: Tensor): Tensor => {
    const [out, inner] = p.weight.shape as [number, number]
    if (x.shape.at(-1) !== inner)
      throw new ShapeError('linear', [x.shape, p.weight.shape], 'do not multiply', labelsOf(p.weight))
    const rows = x.reshape(-1, inner)
    const y = rows.dot(p.weight.transpose()).reshape(...x.shape.slice(0, -1), out)
    return p.bias === undefined ? y : y.add(p.bias)
  }

const labelsOf = (x: Tensor): string[] => (x.node._tag === 'Buffer' && x.node.label !== undefined ? [x.node.label] : [])

/** Geometry of a convolution; a single padding is for all four sides, a list is [top, bottom, left, right]. */
export type ConvOptions = {
  readonly stride?: number
  readonly padding?: number | readonly [number, number, number, number]
  readonly dilation?: number
  readonly groups?: number
}

/** Cross-correlation plus bias: [N, C, H, W] → [N, O, ⌊(H + padding − dilation (h − 1) − 1) / stride⌋ + 1, …]. */
export const conv2d =
  (p: Conv2d, { stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions = {}) =>
  (x: Tensor): Tensor => {
    const sides = typeof padding === 'number' ? ([padding, padding, padding, padding] as const) : padding
    const geometry = { stride: [stride, stride], padding: sides, dilation: [dilation, dilation], groups } as const
    const y = new Tensor(build.conv(geometry, x.node, p.weight.node))
    return p.bias === undefined ? y : y.add(p.bias.reshape(1, -1, 1, 1))
  }

/** (x − mean) / √(var + ε) over groups of channels and all positions, then gain and shift by channel. Wu & He 2018, eq. 1. */
export const groupNorm =
  (p: Partial<Norm>, { groups, eps = 1e-5 }: { readonly groups: number; readonly eps?: number }) =>
  (x: Tensor): Tensor => {
    const [n, c] = x.shape as [number, number]
    if (c % groups !== 0)
      throw new ShapeError('groupNorm', [x.shape], `has channels that ${groups} groups do not divide`)
    const perChannel = [1, c, ...x.shape.slice(2).map(() => 1)]
    return call('groupNorm', { groups, eps }, [x, ...present(p.weight, p.bias)], (h, weight, bias) => {
      const y = normalise(h!.reshape(n, groups, -1), [2], eps).reshape(...x.shape)
      return affine(y, weight?.reshape(...perChannel), bias?.reshape(...perChannel))
    })
  }

/** (x − mean) / √(var + ε) over the last axis, then gain and shift. Ba et al. 2016. */
export const layerNorm =
  (p: Partial<Norm>, { eps = 1e-5 }: { readonly eps?: number } = {}) =>
  (x: Tensor): Tensor =>
    call('layerNorm', { eps }, [x, ...present(p.weight, p.bias)], (h, weight, bias) =>
      affine(normalise(h!, [-1], eps), weight, bias),
    )

/** x / √(mean(x²) + ε) over the last axis, then gain. Zhang & Sennrich 2019. */
export const rmsNorm =
  (p: Partial<Norm>, { eps = 1e-6 }: { readonly eps?: number } = {}) =>
  (x: Tensor): Tensor =>
    call('rmsNorm', { eps }, [x, ...present(p.weight, p.bias)], (h, weight, bias) =>
      affine(h!.mul(h!.square().mean(-1).add(eps).rsqrt()), weight, bias),
    )

const normalise = (x: Tensor, axes: readonly number[], eps: number): Tensor => {
  const centred = x.sub(x.mean(...axes))
  return centred.mul(
    centred
      .square()
      .mean(...axes)
      .add(eps)
      .rsqrt(),
  )
}
const affine = (x: Tensor, weight: Tensor | undefined, bias: Tensor | undefined): Tensor => {
  const y = weight === undefined ? x : x.mul(weight)
  return bias === undefined ? y : y.add(bias)
}

/** e^(xᵢ − max) / Σ e^(xⱼ − max) over an axis. */
export const softmax =
  (axis = -1) =>
  (x: Tensor): Tensor =>
    call('softmax', { axis: axisOf('softmax', x.shape, axis) }, [x], (h) => {
      const e = h!.sub(h!.amax(axis)).exp()
      return e.div(e.sum(axis))
    })

/**
 * softmax(scale · q kᵀ + mask) v. Vaswani et al. 2017, eq. 1. Shapes [N, heads, T, D], [N, heads, S, D] and [N, heads, S, E] give
 * [N, heads, T, E]; `mask` broadcasts to [N, heads, T, S] and is added to the scores. The scale is 1/√D unless given.
 */
export const attention = (
  q: Tensor,
  k: Tensor,
  v: Tensor,
  {
    mask,
    scale = 1 / Math.sqrt(q.shape.at(-1)!),
  }: { readonly mask?: Tensor | undefined; readonly scale?: number } = {},
): Tensor =>
  call('attention', { scale }, [q, k, v, ...present(mask)], (a, b, c, m) => {
    const scores = a!.mul(scale).dot(b!.transpose())
    return softmax(-1)(m === undefined ? scores : scores.add(m)).dot(c!)
  })

/** Rows of a table: ids [...] (i32) → [..., features]. */
export const embedding =
  (p: Embedding) =>
  (ids: Tensor): Tensor =>
    p.weight.gather(0, ids)

/** The nearest source pixel, index ⌊i · in / out⌋ in float32 as torch's `interpolate(mode='nearest')` has it. */
export const resizeNearest =
  (height: number, width: number) =>
  (x: Tensor): Tensor => {
    const [, , h, w] = x.shape as [number, number, number, number]
    if (h === height && w === width) return x
    const pick = (from: number, to: number): Tensor => {
      const scale = Math.fround(from / to)
      const at = Int32Array.from({ length: to }, (_, i) => Math.min(Math.floor(Math.fround(i * scale)), from - 1))
      return fromStorage(at, [to], 'i32')
    }
    return call('resizeNearest', { height, width }, [x], (y) => y!.gather(2, pick(h, height)).gather(3, pick(w, width)))
  }

/** The mean of every k × k square; a ragged edge is left out, as in torch. */
export const avgPool2d =
  (k: number) =>
  (x: Tensor): Tensor => {
    const [n, c, h, w] = x.shape as [number, number, number, number]
    const [rows, columns] = [Math.floor(h / k), Math.floor(w / k)]
    const even = x.slice(2, 0, rows * k).slice(3, 0, columns * k)
    return even
      .reshape(n * c * rows, k, columns, k)
      .mean(1, 3)
      .reshape(n, c, rows, columns)
  }

/** Ascending along the last axis. By definition: the element of rank r is the one with r smaller ones, ties in their order. */
export const sort = (x: Tensor): Tensor =>
  call('sort', {}, [x], (h) => {
    const n = h!.shape.at(-1)!
    const rows = h!.reshape(-1, n, 1) // [R, n, 1]
    const others = rows.transpose() // [R, 1, n]
    const position = iota(n).reshape(1, n, 1)
    const before = others.lt(rows).or(others.eq(rows).and(position.transpose().lt(position)))
    const rank = before.to('i32').sum(2) // [R, n, 1]
    const chosen = rank.transpose().eq(position) // [R, r, i]: is i the element of rank r?
    return chosen
      .where(others, 0)
      .sum(2)
      .reshape(...h!.shape)
  })

/** The q-quantile along the last axis, which stays with extent 1, interpolated linearly as `torch.quantile` does. */
export const quantile =
  (q: number) =>
  (x: Tensor): Tensor => {
    const at = q * (x.shape.at(-1)! - 1)
    const sorted = sort(x)
    const low = sorted.slice(-1, Math.floor(at), Math.floor(at) + 1)
    const high = sorted.slice(-1, Math.ceil(at), Math.ceil(at) + 1)
    return low.add(high.sub(low).mul(at - Math.floor(at)))
  }

/** max(low, min(x, high)). */
export const clamp =
  (low: Scalar, high: Scalar) =>
  (x: Tensor): Tensor =>
    x.min(high).max(low)

/** The position of the largest element along the last axis, the first of equals; i32, the axis stays with extent 1. */
export const argmax = (x: Tensor): Tensor => {
  const n = x.shape.at(-1)!
  return x.eq(x.amax(-1)).where(iota(n), n).amin(-1)
}

/** x · σ(x). */
export const silu = (x: Tensor): Tensor => x.silu()
/** x · Φ(x). */
export const gelu = (x: Tensor): Tensor => x.gelu()
/** max(x, 0). */
export const relu = (x: Tensor): Tensor => x.relu()
/** x · tanh(softplus x). */
export const mish = (x: Tensor): Tensor => x.mish()

/** Tensors as one batch, and back: `unbatch(batch(xs), xs.length)`. */
export const batch = (xs: readonly Tensor[]): Tensor => concat(xs, 0)

/** A batch in equal parts along an axis. */
export const chunk = (x: Tensor, parts: number, axis = 0): Tensor[] => {
  const at = axisOf('chunk', x.shape, axis)
  const length = x.shape[at]! / parts
  if (!Number.isInteger(length))
    throw new ShapeError('chunk', [x.shape], `has an axis ${axis} that ${parts} do not divide`)
  return Array.from({ length: parts }, (_, i) => x.slice(at, i * length, (i + 1) * length))
}

/** The number of elements of a tensor. */
export const count = (x: Tensor): number => size(x.shape)
