/** The row that is added to a product, first of all that its epilogue does: sums in registers start from it, not from 0. */
import type { Expr, GemmKernel, Load, MapKernel } from '../kernel.ts'

/** An epilogue without its bias. */
export type Biased = { readonly bias?: Load; readonly rest: MapKernel | undefined }

const isProduct = (e: Expr): e is Load => e._tag === 'Load' && e.operand === 0

/** How often the product occurs; where sub-expressions are shared, every time. */
const occurrences = (e: Expr): number =>
  isProduct(e) ? 1 : 'xs' in e ? e.xs.reduce((sum, x) => sum + occurrences(x), 0) : 0

/** The row that is added to the product itself, and the expression without it. */
const added = (e: Expr, isRow: (l: Load) => boolean): { readonly bias: Load; readonly without: Expr } | undefined => {
  if (e._tag !== 'Op') return undefined
  const product = e.xs.findIndex(isProduct)
  if (e.op === 'add' && product >= 0) {
    const other = e.xs[1 - product]!
    return other._tag === 'Load' && isRow(other) ? { bias: other, without: e.xs[product]! } : undefined
  }
  for (const [i, x] of e.xs.entries()) {
    const found = added(x, isRow)
    if (found !== undefined) return { ...found, without: { ...e, xs: e.xs.with(i, found.without) } }
  }
  return undefined
}

/** The bias of a product whose columns come in whole vectors. */
export const biasOf = (k: GemmKernel): Biased => {
  const map = k.epilogue
  if (map === undefined || k.terms.length > 1 || k.n % 4 !== 0 || occurrences(map.value) !== 1) return { rest: map }
  const isRow = (l: Load): boolean =>
    l.picks.length === 0 &&
    ['f32', 'f16', 'bf16'].includes(l.element) &&
    map.dims.every((d, i) => d === 1 || l.strides[i] === (i === map.dims.length - 1 ? 1 : 0))
  const found = added(map.value, isRow)
  if (found === undefined) return { rest: map }
  return { bias: found.bias, rest: isProduct(found.without) ? undefined : { ...map, value: found.without } }
}
