/** How much there is to do in a kernel, and in how many pieces it is shared: never a question of how many threads there are. */
import { size } from '../../core/shape.ts'
import { depthOf, type Kernel } from '../kernel.ts'

/** Steps of the innermost loops, roughly: vectors loaded, computed and stored, or multiplied and added. */
export const workOf = (k: Kernel): number => {
  switch (k._tag) {
    case 'Map':
      return size(k.dims)
    case 'Reduce':
    case 'Normalise':
    case 'Moments':
      return size(k.dims) * size(k.folded)
    case 'Gemm':
      return (size(k.batch) * size(k.rows) * k.n * depthOf(k)) / 8
    case 'PlainAttention':
      return (size(k.batch) * k.rows * k.keys * (k.depth + k.features)) / 8
    case 'Sort':
      return 16 * k.rows * (k.length + 256)
    case 'WinogradWeight':
      return k.n * k.depth * (k.size + 2) ** 2
    case 'WinogradInput':
    case 'WinogradOutput':
      return k.batch * size(k.tiles) * k.channels * (k.size + 2) ** 2
  }
}

/** Less than this is not worth a second thread: about four microseconds. */
export const leastWork = 8192
/** Pieces that are enough for every number of threads. */
export const mostPieces = 32

/** Pieces of a kernel of so many parts. */
export const piecesOf = (k: Kernel, parts: number): number =>
  Math.max(1, Math.min(parts, mostPieces, Math.floor(workOf(k) / leastWork)))
