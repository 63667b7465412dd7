/** Products as WGSL: which ways there are. */
import type { GemmKernel } from '../kernel.ts'
import { size } from '../../core/shape.ts'
import { sharedShader, sharedTiles } from './gemm-shared.ts'
import { finishOf, isPaired } from './gemm-store.ts'
import { tileShader, type Tile } from './gemm-tile.ts'
import type { Shared } from './shared-tile.ts'
import type { Capabilities, Shader, Use } from './shader.ts'

/** A way to compute a product. */
export type GemmVariant = { readonly family: 'Gemm' } & (
  { readonly way: 'tile'; readonly tile: Tile } | { readonly way: 'shared'; readonly tile: Shared }
)

/** The ways to compute a product. */
export const gemmVariants = (k: GemmKernel, caps: Capabilities): readonly GemmVariant[] => {
  const even = k.b.element !== 'f32' || isPaired(k, finishOf(k))
  const lines = size(k.rows)
  const fits = ({ rows, columns, lanes }: Tile): boolean =>
    k.width % columns === 0 && columns % lanes === 0 && rows % lanes === 0 && (!even || (columns / lanes) % 2 === 0)
  const tile = (rows: number, columns: number, lanes: number): Tile => ({ rows, columns, lanes })
  const lanes = caps.subgroups ? caps.subgroupSize : 0
  const divisors = Array.from({ length: k.width }, (_, i) => k.width - i).filter((c) => k.width % c === 0)
  // SwiftShader, 1024³: 32 × 40 takes 370 ms, 16 × 40 takes 423; below a thousand lines there is no difference.
  const tall = caps.adapter === 'swiftshader' && lines >= 1024 ? [32, 16, 8] : [16, 32, 8]
  const heights = lines <= 8 ? [8] : lines <= 16 ? [16, 8] : tall
  const wide =
    lanes > 1
      ? heights.flatMap((rows) =>
          divisors
            .filter((c) => c / lanes <= 10)
            .slice(0, 2)
            .map((c) => tile(rows, c, lanes)),
        )
      : []
  const narrow = [8, 4].flatMap((rows) =>
    divisors
      .filter((c) => c <= 8)
      .slice(0, 1)
      .map((c) => tile(rows, c, 1)),
  )
  const alone = [...wide, ...narrow].filter(fits).map((t): GemmVariant => ({ family: 'Gemm', way: 'tile', tile: t }))
  // B is read four columns at a time.
  const shared = (k.width % 4 === 0 ? sharedTiles(k, caps) : []).map((t): GemmVariant => ({
    family: 'Gemm',
    way: 'shared',
    tile: t,
  }))
  // What wins on one kind of adapter loses on the other, but whoever measures may try.
  return caps.adapter === 'gpu' ? [...shared.slice(0, 3), ...alone] : [...alone, ...shared.slice(0, 1)]
}

/** The code of a product. */
export const gemmShader = (k: GemmKernel, uses: readonly Use[], variant: GemmVariant, caps: Capabilities): Shader =>
  variant.way === 'shared' ? sharedShader(k, uses, variant.tile, caps) : tileShader(k, uses, variant.tile, caps)
