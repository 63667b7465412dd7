/** How convolutions are done by Winograd's algorithm. */
import { size } from '../core/shape.ts'
import type { Conv } from '../graph/node.ts'
import type { Expr, Load, WinogradInputKernel, WinogradOutputKernel, WinogradWeightKernel } from '../codegen/kernel.ts'
import type { ProgramBuilder } from '../codegen/program.ts'
import { bordered, gemm } from './gemm.ts'

/** The value of such a convolution: tiles and weights transformed, a product for every position of a tile, and transformed back. */
export const winograd = (to: ProgramBuilder, n: Conv, input: Expr, w: Load, m: 2 | 4): Load => {
  const [batch, outs, oh, ow] = n.shape as [number, number, number, number]
  const channels = n.w.shape[1]!
  const positions = (m + 2) ** 2
  const tiles = [Math.ceil(oh / m), Math.ceil(ow / m)] as const
  const count = batch * tiles[0] * tiles[1]
  const [top, bottom, left, right] = n.geometry.padding
  const x = bordered(to, n, input, [top, bottom + tiles[0] * m - oh, left, right + tiles[1] * m - ow])
  const [sn, , sy, sx] = x.strides as [number, number, number, number]
  // Planes are a little apart, so that their lines do not meet in one set of the cache.
  const [planeV, planeM] = [count * channels + 32, count * outs + 48]
  const transformed: WinogradInputKernel = {
    _tag: 'WinogradInput',
    size: m,
    batch,
    tiles,
    channels,
    x: { offset: x.offset, strides: [sn, sy, sx] },
    plane: planeV,
  }
  const v = to.fill(transformed, 'f32', positions * planeV, [x.operand], 'tiles of conv', [n])
  const width = to.target.panelWidth(outs)
  const each = Math.ceil(outs / width) * channels * width
  const weights: WinogradWeightKernel = {
    _tag: 'WinogradWeight',
    size: m,
    n: outs,
    depth: channels,
    width,
    w: { ...w, operand: 1 },
  }
  const u = to.fill(weights, 'f32', positions * each, [w.operand], 'weights of conv', [n])
  const product = gemm({
    batch: [positions],
    rows: [count],
    n: outs,
    width,
    term: { a: { offset: 0, batch: [planeV], rows: [channels] }, segments: [{ length: channels, jump: 0 }] },
    b: [each],
    c: { offset: 0, batch: [planeM], rows: [outs] },
  })
  const products = to.fill(product, 'f32', positions * planeM, [u, v], 'products of conv', [n])
  const whole = [batch, tiles[0] * m, tiles[1] * m, outs]
  const back: WinogradOutputKernel = {
    _tag: 'WinogradOutput',
    size: m,
    batch,
    tiles,
    channels: outs,
    plane: planeM,
    epilogue: undefined,
  }
  const id = to.fill(back, 'f32', size(whole), [products], 'conv', [n])
  const [height, line] = [whole[1]!, whole[2]! * outs]
  return { _tag: 'Load', operand: id, element: 'f32', offset: 0, strides: [height * line, 1, line, outs], picks: [] }
}
