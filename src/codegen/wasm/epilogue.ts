/** What is done to finished rows of a product, in place, while they are in the cache. */
import { keyOf, loadsOf, type MapKernel } from '../kernel.ts'
import { emitMap, firstOperand } from './map.ts'
import { call, get, i32, type Code } from './op.ts'
import type { Context } from './vector-ops.ts'

/** Statements that apply a map to the rows from … to, given as code. Its operands are those of the product's kernel. */
export const epilogueCall = (
  { module, host }: Context,
  map: MapKernel,
  operand: (i: number) => Code,
): ((from: Code, to: Code) => Code) => {
  const most = Math.max(0, ...loadsOf(map.value).map((l) => l.operand))
  const params = Array.from({ length: firstOperand + 1 + most }, () => 'i32' as const)
  const index = module.function(`${keyOf(map)} in place`, { params, results: [] }, (body) =>
    emitMap(map, (i) => get(firstOperand + i), true).code({ module, host, body }),
  )
  const args = Array.from({ length: 1 + most }, (_, i) => operand(i))
  return (from, to) => call(index, [from, to, i32.const(0), ...args])
}
