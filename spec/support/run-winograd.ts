/** What the transforms of Winograd's algorithm mean, in float64. */
import type { WinogradInputKernel, WinogradOutputKernel, WinogradWeightKernel } from '../../src/codegen/kernel.ts'
import { both, transformsOf, type Algebra } from '../../src/codegen/winograd.ts'

const numbers: Algebra<number> = { add: (x, y) => x + y, sub: (x, y) => x - y, times: (k, x) => k * x }

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const square = (side: number, at: (i: number, j: number) => number): number[][] =>
  range(side).map((i) => range(side).map((j) => at(i, j)))

/** U = G g Gᵀ as panels; `weight` is w[o, c, y, x]. */
export const winogradWeight = (
  k: WinogradWeightKernel,
  out: Float64Array,
  weight: (at: readonly number[]) => number,
): void => {
  const t = k.size + 2
  const panels = Math.ceil(k.n / k.width)
  for (const panel of range(panels))
    for (const c of range(k.depth))
      for (const column of range(k.width)) {
        const o = panel * k.width + column
        const g = square(3, (y, x) => (o < k.n ? weight([o, c, y, x]) : 0))
        both(transformsOf(k.size, numbers).weight)(g).forEach((row, i) =>
          row.forEach((u, j) => {
            out[(((i * t + j) * panels + panel) * k.depth + c) * k.width + column] = u
          }),
        )
      }
}

const everyTile = (
  { batch, tiles: [high, wide], channels }: WinogradInputKernel | WinogradOutputKernel,
  f: (n: number, y: number, x: number, c: number, place: number) => void,
): void => {
  for (const n of range(batch))
    for (const y of range(high))
      for (const x of range(wide))
        for (const c of range(channels)) f(n, y, x, c, ((n * high + y) * wide + x) * channels + c)
}

/** V = Bᵀ d B. */
export const winogradInput = (k: WinogradInputKernel, out: Float64Array, image: Float64Array): void => {
  const t = k.size + 2
  const [sn, sy, sx] = k.x.strides
  everyTile(k, (n, y, x, c, place) => {
    const from = k.x.offset + n * sn + y * k.size * sy + x * k.size * sx + c
    const d = square(t, (i, j) => image[from + i * sy + j * sx]!)
    both(transformsOf(k.size, numbers).input)(d).forEach((row, i) =>
      row.forEach((v, j) => (out[(i * t + j) * k.plane + place] = v)),
    )
  })
}

/** Y = Aᵀ m A: pixels [N · H · W][C]. */
export const winogradOutput = (k: WinogradOutputKernel, products: Float64Array): number[][] => {
  const t = k.size + 2
  const [high, wide] = k.tiles
  const pixels = range(k.batch * high * wide * k.size ** 2).map(() => new Array<number>(k.channels).fill(0))
  everyTile(k, (n, y, x, c, place) => {
    const m = square(t, (i, j) => products[(i * t + j) * k.plane + place]!)
    both(transformsOf(k.size, numbers).output)(m).forEach((row, i) =>
      row.forEach((v, j) => {
        pixels[((n * high + y) * k.size + i) * wide * k.size + x * k.size + j]![c] = v
      }),
    )
  })
  return pixels
}
