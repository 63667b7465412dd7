/** Matrix products and convolutions, on the host. Sums are accumulated in float64 and rounded once. */
import { size } from '../../core/shape.ts'
import type { Conv, Dot } from '../node.ts'
import { broadcastStrides, valuesFor, type Precision, type Values } from './values.ts'

/** The values of a matrix product. */
export const dot = (n: Dot, x: Values, y: Values, precision: Precision): Values => {
  const out = valuesFor('f32', size(n.shape), precision)
  const [m, cols] = n.shape.slice(-2) as [number, number]
  const k = n.x.shape.at(-1)!
  const batch = n.shape.slice(0, -2)
  const [sx, sy] = [n.x, n.y].map((s) => broadcastStrides(s.shape.slice(0, -2), batch))
  const row = new Float64Array(cols)
  for (let b = 0; b < size(batch); b++) {
    let [rest, ox, oy] = [b, 0, 0]
    for (let i = batch.length - 1; i >= 0; i--) {
      const at = rest % batch[i]!
      rest = (rest - at) / batch[i]!
      ox += at * sx![i]!
      oy += at * sy![i]!
    }
    for (let i = 0; i < m; i++) {
      row.fill(0)
      for (let j = 0; j < k; j++) {
        const a = x[ox * m * k + i * k + j]!
        const from = oy * k * cols + j * cols
        for (let c = 0; c < cols; c++) row[c]! += a * y[from + c]!
      }
      out.set(row, (b * m + i) * cols)
    }
  }
  return out
}

/** The values of a convolution. */
export const conv = (n: Conv, x: Values, w: Values, precision: Precision): Values => {
  const out = valuesFor('f32', size(n.shape), precision)
  const { stride, padding, dilation, groups } = n.geometry
  const [batch, outs, oh, ow] = n.shape as [number, number, number, number]
  const [, , h, wide] = n.x.shape as [number, number, number, number]
  const [, per, kh, kw] = n.w.shape as [number, number, number, number]
  const row = new Float64Array(ow)
  for (let b = 0; b < batch; b++)
    for (let o = 0; o < outs; o++) {
      const first = Math.floor(o / (outs / groups)) * per
      for (let i = 0; i < oh; i++) {
        row.fill(0)
        for (let c = 0; c < per; c++)
          for (let p = 0; p < kh; p++) {
            const y = i * stride[0] + p * dilation[0] - padding[0]
            if (y < 0 || y >= h) continue
            const from = ((b * groups * per + first + c) * h + y) * wide
            for (let q = 0; q < kw; q++) {
              const weight = w[((o * per + c) * kh + p) * kw + q]!
              const shift = q * dilation[1] - padding[2]
              const start = Math.max(0, Math.ceil(-shift / stride[1]))
              const end = Math.min(ow, Math.floor((wide - 1 - shift) / stride[1]) + 1)
              for (let j = start; j < end; j++) row[j]! += weight * x[from + j * stride[1] + shift]!
            }
          }
        out.set(row, ((b * outs + o) * oh + i) * ow)
      }
    }
  return out
}
