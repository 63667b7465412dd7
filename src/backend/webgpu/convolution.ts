/** A convolution by itself, to be measured: as it is between other kernels, where channels lie side by side. */
import { allocate } from '../../core/dtype.ts'
import { size } from '../../core/shape.ts'
import * as build from '../../graph/build.ts'
import type { Conv, Graph } from '../../graph/node.ts'
import { digest } from './choices.ts'

/** Winograd's of 2 × 2 or 4 × 4 results at once, or the plain sum. */
export type Algorithm = 2 | 4 | undefined

/** An algorithm as text. */
export const algorithmText = (algorithm: Algorithm): string =>
  algorithm === undefined ? 'direct' : `winograd ${algorithm}`

/** Equal keys, equal work. */
export const convolutionKey = ({ x, w, geometry }: Conv): string =>
  digest(`conv ${JSON.stringify([x.shape, w.shape, w.dtype, geometry])}`)

/** It in words. */
export const convolutionLabel = ({ x, w }: Conv): string => {
  const [outs, channels, kh, kw] = w.shape as [number, number, number, number]
  return `conv ${kh} × ${kw}, ${channels} → ${outs}, of ${x.shape[0]} × ${x.shape[2]} × ${x.shape[3]}`
}

/** A program of that convolution alone, its weights there before. */
export const alone = ({ x, w, geometry }: Conv): Graph => {
  const [batch, channels, height, width] = x.shape as [number, number, number, number]
  const input = build.input('x', [batch, height, width, channels], 'f32')
  const data = allocate(w.dtype, size(w.shape))
  const weight = build.buffer({ _tag: 'Host', data }, w.shape, w.dtype)
  const y = build.conv(geometry, build.permute([0, 3, 1, 2], input), weight)
  return { inputs: [input], outputs: [build.permute([0, 2, 3, 1], y)] }
}
