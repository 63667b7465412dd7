/** What one module of a LoRA adds to a weight. */
import { sameShape, size, type Shape } from '../../core/shape.ts'
import type { Scalar, Tensor } from '../../tensor/tensor.ts'

/**
 * The factors of the change of one weight: down [rank, in] and up [out, rank] of a linear map, down [rank, in, k, k] and up [out, rank, 1, 1]
 * of a convolution; with `mid` [rank, rank, k, k], LoCon's, down is [rank, in, 1, 1].
 */
export type LoraModule = {
  /** What the file calls it. */
  readonly name: string
  readonly down: Tensor
  readonly up: Tensor
  readonly mid?: Tensor
  /** The change is divided by the rank and multiplied by this, so that ranks can be compared at one learning rate. */
  readonly alpha: Scalar
  /** The lengths of the changed weight's rows, [out], of DoRA. */
  readonly magnitude?: Tensor
}

const text = (label: string, x: Tensor): string => `${label} ${x.dtype}[${x.shape.join(',')}]`

/** A shape without the extents of 1 at its end: a 1×1 convolution is a linear map, and files write either. */
const trimmed = (shape: Shape): Shape => shape.slice(0, shape.findLastIndex((d) => d !== 1) + 1)

/** [out, rank] · [rank, …] → [out, …]; with a core between them, [p, q, k, k], the sum over both ranks (a Tucker decomposition). */
const product = ({ down, up, mid }: LoraModule): Tensor => {
  const [out, rank] = [up.shape[0]!, down.shape[0]!]
  if (mid === undefined) return up.reshape(out, rank).dot(down.reshape(rank, -1))
  const [p, q, height, width] = mid.shape as [number, number, number, number]
  const inner = mid.permute(0, 2, 3, 1).reshape(-1, q).dot(down.reshape(q, -1)) // [p k k, in]
  const kernels = inner.reshape(p, height, width, -1).permute(0, 3, 1, 2) // [p, in, k, k]
  return up.reshape(out, p).dot(kernels.reshape(p, -1))
}

/** The shape of the weight that the factors make a change of; undefined when they do not multiply. */
const shapeOf = ({ down, up, mid }: LoraModule): Shape | undefined => {
  const [out, inner] = up.shape
  const [rank, ...rest] = down.shape
  const isMatrix = (x: Tensor): boolean => x.shape.length >= 2 && size(x.shape) === x.shape[0]! * x.shape[1]!
  if (out === undefined || !rank || rest.length === 0 || !isMatrix(up)) return undefined
  if (mid === undefined) return inner === rank ? [out, ...rest] : undefined
  const [p, q, ...kernel] = mid.shape
  const multiply = kernel.length === 2 && p === inner && q === rank && isMatrix(down)
  return multiply ? [out, rest[0]!, ...kernel] : undefined
}

/** How a weight is changed: by alpha / rank · up · down in its own shape, and perhaps to rows of these lengths, [out]. */
export type Change = { readonly by: Tensor; readonly lengths?: Tensor }

/** The change that a module makes of a weight; or, as text, why there is none. */
export const changeOf = (module: LoraModule, weight: Tensor): Change | string => {
  const { down, up, mid, alpha, magnitude } = module
  const shape = shapeOf(module)
  const factors = [text('up', up), ...(mid === undefined ? [] : [text('mid', mid)]), text('down', down)].join(', ')
  if (shape === undefined) return `${factors} do not multiply`
  if (!sameShape(trimmed(shape), trimmed(weight.shape)))
    return `${factors} change f32[${shape.join(',')}], expected f32[${weight.shape.join(',')}]`
  if (magnitude !== undefined && size(magnitude.shape) !== shape[0])
    return `${text('magnitude', magnitude)}, expected f32[${shape[0]}]`
  const rank = down.shape[0]!
  const change = product(module).reshape(...weight.shape)
  const scale = typeof alpha === 'number' ? alpha / rank : alpha.div(rank)
  const by = scale === 1 ? change : change.mul(scale)
  return magnitude === undefined ? { by } : { by, lengths: magnitude.reshape(-1) }
}

/**
 * What a change adds to W: weight · by; and where the rows' lengths were learned beside their directions, as much as makes
 * lengths · (W + weight · by) / ‖W + weight · by‖ of it. Liu et al. 2024, "DoRA", eq. 5.
 */
export const added = (w: Tensor, { by, lengths }: Change, weight: Scalar): Tensor => {
  const scaled = weight === 1 ? by : by.mul(weight)
  if (lengths === undefined) return scaled
  const directed = w.add(scaled)
  const axes = w.shape.map((_, i) => i).slice(1)
  const norm = directed
    .square()
    .sum(...axes)
    .sqrt()
  return lengths
    .reshape(-1, ...axes.map(() => 1))
    .div(norm)
    .mul(directed)
    .sub(w)
}
