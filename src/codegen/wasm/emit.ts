/** Programs as modules: a function for every kernel, and one that calls them in turn. */
import { keyOf, type Dispatch, type Kernel } from '../kernel.ts'
import { emitGemm } from './gemm.ts'
import { emitMap, firstOperand, type Emitted } from './map.ts'
import { hostFunctions, importHost } from './math.ts'
import { ModuleBuilder } from './module.ts'
import { call, get, i32, type Code } from './op.ts'
import { emitReduce } from './reduce.ts'
import { emitWinogradInput, emitWinogradOutput, emitWinogradWeight } from './winograd.ts'

/** The functions that a module expects of its host. */
export { hostFunctions }

/** A module, and how its programs are called: `run(table)` and `once<i>(table)`, with the operands' addresses in the table, in order. */
export type Emission = {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Where each dispatch's addresses start in the table, in words; those of `once` come first. */
  readonly tables: readonly number[]
  readonly words: number
  readonly kernels: number
}

const emitKernel = (k: Kernel): Emitted => {
  const operand = (i: number): Code => get(firstOperand + i)
  switch (k._tag) {
    case 'Map':
      return emitMap(k, operand)
    case 'Reduce':
      return emitReduce(k, operand)
    case 'Gemm':
      return emitGemm(k, operand)
    case 'WinogradWeight':
      return emitWinogradWeight(k, operand)
    case 'WinogradInput':
      return emitWinogradInput(k, operand)
    case 'WinogradOutput':
      return emitWinogradOutput(k, operand)
  }
}

/** The module of a program. */
export const emit = (
  once: readonly Dispatch[],
  every: readonly Dispatch[],
  memory: { readonly pages: number; readonly maximum: number; readonly shared: boolean },
): Emission => {
  const module = new ModuleBuilder()
  const host = importHost(module)
  const kernels = new Map<string, { readonly index: number; readonly count: number }>()
  const kernel = (d: Dispatch): { readonly index: number; readonly count: number } => {
    const key = keyOf(d.kernel)
    const there = kernels.get(key)
    if (there !== undefined) return there
    const emitted = emitKernel(d.kernel)
    const params = Array.from({ length: firstOperand + d.operands.length }, () => 'i32' as const)
    const index = module.function(key, { params, results: [] }, (body) => emitted.code({ body, module, host }))
    const made = { index, count: emitted.count }
    kernels.set(key, made)
    return made
  }
  const tables: number[] = []
  let words = 0
  const call1 = (d: Dispatch): Code => {
    const { index, count } = kernel(d)
    const start = words
    tables.push(start)
    words += d.operands.length
    const addresses = d.operands.map((_, i) => i32.load(get(0), 4 * (start + i)))
    return count === 0 ? [] : call(index, [i32.const(0), i32.const(count), i32.const(0), ...addresses])
  }
  const signature = { params: ['i32'], results: [] } as const
  once.forEach((d, i) => {
    const code = call1(d)
    module.export(`once${i}`, module.function(`once ${i}`, signature, () => code))
  })
  const all = every.map(call1)
  module.export('run', module.function('run', signature, () => all))
  return { bytes: module.bytes(memory), tables, words, kernels: kernels.size }
}
