/** Compositions that ONNX has ops for. */
import type { Call } from '../graph/node.ts'
import { size } from '../core/shape.ts'
import type { Writer } from './writer.ts'

/** The call as nodes; undefined where its body says it better. */
type CallRow = (w: Writer, n: Call, xs: readonly string[]) => string | undefined

const filled = (w: Writer, count: number, value: number, wish: string): string =>
  w.values('f32', [count], new Float32Array(count).fill(value), wish)

/** As torch exports it: every group is an instance. */
const groupNorm: CallRow = (w, n, [x, weight, bias]) => {
  const [batch, channels, ...rest] = n.shape as [number, number, ...number[]]
  const { groups, eps } = n.options as { readonly groups: number; readonly eps: number }
  if (n.args.length === 2 || size(n.shape) === 0) return undefined
  const grouped = w.node('Reshape', [x!, w.integers([batch, groups, (channels * size(rest)) / groups])])
  const scale = w.once(`ones ${groups}`, () => filled(w, groups, 1, 'ones'))
  const shift = w.once(`zeros ${groups}`, () => filled(w, groups, 0, 'zeros'))
  const normal = w.node('InstanceNormalization', [grouped, scale, shift], { epsilon: { float: eps } })
  const y = w.node('Reshape', [normal, w.integers(n.shape)])
  if (weight === undefined) return y
  const perChannel = w.integers([channels, ...rest.map(() => 1)])
  const gained = w.node('Mul', [y, w.node('Reshape', [weight, perChannel])])
  return w.node('Add', [gained, w.node('Reshape', [bias!, perChannel])])
}

const layerNorm: CallRow = (w, n, [x, weight, bias]) => {
  if (n.args.length === 2) return undefined
  const features = n.shape.at(-1)!
  const gain = weight ?? w.once(`ones ${features}`, () => filled(w, features, 1, 'ones'))
  const { eps } = n.options as { readonly eps: number }
  return w.node('LayerNormalization', [x!, gain, ...(bias === undefined ? [] : [bias])], {
    axis: -1,
    epsilon: { float: eps },
  })
}

const softmax: CallRow = (w, n, [x]) => w.node('Softmax', [x!], { axis: n.options['axis'] as number })

/** Powers of two have exact reciprocals: every runtime finds the same sources. */
const resizeNearest: CallRow = (w, n, [x]) => {
  const scales = n.shape.map((d, i) => d / n.args[0]!.shape[i]!)
  if (!scales.every((s) => s >= 1 && Number.isInteger(Math.log2(s)))) return undefined
  const given = w.values('f32', [scales.length], Float32Array.from(scales), 'scales')
  return w.node('Resize', [x!, '', given], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  })
}

const sort: CallRow = (w, n, [x]) => {
  const given = [x!, w.integers([n.shape.at(-1)!])]
  return w.node('TopK', given, { axis: -1, largest: 0, sorted: 1 }, undefined, [w.name('order')])
}

/** By the name of the call. Others are written as their bodies are. */
export const calls: Readonly<Record<string, CallRow>> = { groupNorm, layerNorm, softmax, resizeNearest, sort }
