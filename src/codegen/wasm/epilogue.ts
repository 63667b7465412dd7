/** What is done to finished rows of a product, in place, while they are in the cache. */
import { keyOf, loadsOf, type MapKernel } from '../kernel.ts'
import { emitMap, firstOperand } from './map.ts'
import { call, get, i32, type Code } from './op.ts'
import type { Context } from './vector-ops.ts'

/**
 * Statements that apply a map to so many columns, all unless given, of the rows from … to, given as code, as is the first column. Its operands
 * are those of the product's kernel.
 */
export const epilogueCall = (
  { module }: Context,
  map: MapKernel,
  operand: (i: number) => Code,
  count = map.dims.at(-1)!,
): ((from: Code, to: Code, first?: Code) => Code) => {
  const most = Math.max(0, ...loadsOf(map.value).map((l) => l.operand))
  // Where kernels have their threads' own memory, the first column.
  const params = Array.from({ length: firstOperand + 1 + most }, () => 'i32' as const)
  const index = module.function(`${keyOf(map)} in place ${count}`, { params, results: [] }, (body) =>
    emitMap(map, (i) => get(firstOperand + i), { first: 2, count }).code({ module, body }),
  )
  const args = Array.from({ length: 1 + most }, (_, i) => operand(i))
  return (from, to, first = i32.const(0)) => call(index, [from, to, first, ...args])
}
