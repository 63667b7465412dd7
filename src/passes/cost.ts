/** What a kernel costs by its shape: operations on numbers, and bytes that come and go. */
import { depthOf, elementBytes, type Dispatch, type Expr, type Kernel } from '../codegen/kernel.ts'
import type { Program } from '../codegen/program.ts'
import { both, transformsOf, type Algebra } from '../codegen/winograd.ts'
import { size } from '../core/shape.ts'
import { extentOf, regionsOf } from './regions.ts'

/**
 * `flops`: sums, products and functions of one element, each one; `read` and `written` in bytes, every element once, however often a cache
 * is asked for it.
 */
export type Cost = { readonly flops: number; readonly read: number; readonly written: number }

/** Operations at an index; of several parts those of the longest. */
const opsIn = (...es: readonly Expr[]): number => {
  const seen = new Set<Expr>()
  const visit = (e: Expr): number => {
    if (seen.has(e)) return 0
    seen.add(e)
    if (e._tag === 'Op') return e.xs.reduce((sum, x) => sum + visit(x), 1)
    return e._tag === 'Parts' ? Math.max(...e.xs.map(visit)) : 0
  }
  return es.reduce((sum, e) => sum + visit(e), 0)
}

const counting = { count: 0 }
const counter: Algebra<null> = {
  add: () => (counting.count++, null),
  sub: () => (counting.count++, null),
  times: (k) => (Math.abs(k) === 1 ? null : (counting.count++, null)),
}

/** Operations of a transform of one tile, in both directions. */
const transformOps = (m: 2 | 4, which: 'input' | 'output' | 'weight'): number => {
  const side = which === 'weight' ? 3 : m + 2
  counting.count = 0
  both(transformsOf(m, counter)[which])(Array.from({ length: side }, () => new Array<null>(side).fill(null)))
  return counting.count
}

const flopsOf = (k: Kernel): number => {
  switch (k._tag) {
    case 'Map':
      return size(k.dims) * opsIn(k.value, ...(k.also ?? []).map((a) => a.value))
    case 'Reduce':
      return size(k.dims) * size(k.folded) * (opsIn(k.value) + 1)
    // A sum and a sum of squares; then (x − mean) · rstd.
    case 'Normalise':
      return size(k.dims) * size(k.folded) * (opsIn(k.value, k.then) + (k.centred ? 5 : 3))
    case 'Moments':
      return size(k.dims) * size(k.folded) * (opsIn(k.value) + 3)
    case 'Gemm': {
      const rows = size(k.batch) * size(k.rows)
      const normed = k.terms.filter((t) => t.norm !== undefined)
      const norms = normed.reduce((sum, t) => sum + 5 * rows * t.segments.reduce((s, { length }) => s + length, 0), 0)
      return 2 * rows * k.n * depthOf(k) + norms + (k.epilogue === undefined ? 0 : flopsOf(k.epilogue))
    }
    case 'PlainAttention': {
      const rows = size(k.batch) * k.rows
      const queries = k.project === undefined ? 0 : 2 * rows * k.project.inner * k.depth
      // Scores, scaled and masked; their maximum, exponential and sum; the values.
      const each = 2 * k.depth + (k.mask === undefined ? 4 : 5) + 2 * k.features
      return queries + rows * k.keys * each + rows * k.features
    }
    // As many comparisons as there must be.
    case 'Sort':
      return k.rows * k.length * Math.ceil(Math.log2(Math.max(k.length, 1)))
    case 'WinogradWeight':
      return k.n * k.depth * transformOps(k.size, 'weight')
    case 'WinogradInput':
      return k.batch * size(k.tiles) * k.channels * transformOps(k.size, 'input')
    case 'WinogradOutput':
      return (
        k.batch * size(k.tiles) * k.channels * transformOps(k.size, 'output') +
        (k.epilogue === undefined ? 0 : flopsOf(k.epilogue))
      )
  }
}

/** What a dispatch of a program costs. */
export const costOf = ({ kernel, operands }: Dispatch, { buffers }: Program): Cost => {
  const regions = regionsOf(kernel)
  const bytes = (access: 'read' | 'write'): number =>
    operands.reduce((sum, id, operand) => {
      const { length, element } = buffers[id]!
      const own = regions.filter((r) => r.operand === operand && r.access === access)
      const count = own.reduce((n, r) => n + (extentOf(r)?.count ?? length), 0)
      return sum + Math.min(count, length) * elementBytes(element)
    }, 0)
  return { flops: flopsOf(kernel), read: bytes('read'), written: bytes('write') }
}
