/** Is a dispatch one that its kernel, its operands and the target allow? */
import { depthOf, resultsOf, type Dispatch, type GemmKernel } from '../codegen/kernel.ts'
import type { Draft } from '../codegen/program.ts'
import { size } from '../core/shape.ts'
import { bindingsOf } from './bindings.ts'
import { extentOf, regionsOf } from './regions.ts'
import { refusals } from './takes.ts'
import type { Target } from './target.ts'

/** What can be wrong with a dispatch by itself. */
export const kernelRules = {
  there: 'operands are buffers of the program, and the kernel names no others',
  apart: 'no operand is there twice',
  used: 'no operand is dead',
  few: 'operands, of which a large one is bound in several parts, are no more than the target takes',
  taken: 'the target has code for the kernel',
  ranked: 'everything that is indexed has a stride for every axis',
  typed: 'elements are kept as the kernel takes them',
  within: 'elements that are touched are those of the operand',
  product: 'an epilogue is over the rows and columns of its product',
  panels: 'panels are as long and as deep as the product that reads them',
} as const

/** A rule that is broken: by which operand, if by one. */
export type KernelViolation = {
  readonly rule: keyof typeof kernelRules
  readonly operand?: number
  readonly what: string
}

/** Rows and columns of a product that an epilogue is done to; those that it has, in rows and loads. */
const epilogueFaults = (dispatch: Dispatch): KernelViolation[] => {
  const k = dispatch.kernel
  if ((k._tag !== 'Gemm' && k._tag !== 'WinogradOutput') || k.epilogue === undefined) return []
  const { dims } = k.epilogue
  const [rows, columns] =
    k._tag === 'Gemm' ? [size(k.batch) * size(k.rows), k.n] : [k.batch * size(k.tiles) * k.size ** 2, k.channels]
  const own = dims.at(-1)!
  const fits = size(dims.slice(0, -1)) === rows && (own === columns || own * 2 === columns)
  return fits ? [] : [{ rule: 'product', what: `has an epilogue over [${dims}] of a product of ${rows} × ${columns}` }]
}

/** Panels that are still to be packed. */
const panelFaults = (k: GemmKernel, operand: number, { panels, buffers }: Draft): KernelViolation[] => {
  const p = panels.get(operand)
  if (p === undefined) return []
  const depth = p.parts.reduce((sum, { k: own }) => sum + size(own), 0)
  const length = size(p.batch) * Math.ceil(p.n / p.width) * depth * p.width
  const fits = p.n === k.n && p.width === k.width && depth === depthOf(k) && buffers[operand]!.length === length
  const what = `reads panels of ${depth} × ${p.n} by ${p.width} in ${buffers[operand]!.length} elements as ${depthOf(k)} × ${k.n} by ${k.width}`
  return fits ? [] : [{ rule: 'panels', operand: 1, what }]
}

/** What is wrong with a dispatch by itself. */
export const kernelFaults = (dispatch: Dispatch, draft: Draft, target: Target): readonly KernelViolation[] => {
  const { kernel, operands } = dispatch
  const out: KernelViolation[] = []
  const regions = regionsOf(kernel)
  const named = new Set(regions.map((r) => r.operand))
  const isThere = (i: number): boolean => draft.buffers[operands[i]!] !== undefined
  operands.forEach((id, operand) => {
    if (!isThere(operand)) return void out.push({ rule: 'there', operand, what: `is buffer ${id}, which is none` })
    if (operands.indexOf(id) !== operand) out.push({ rule: 'apart', operand, what: 'is there twice' })
    if (!named.has(operand)) out.push({ rule: 'used', operand, what: 'is neither read nor written' })
  })
  const bindings = bindingsOf(
    target,
    draft.buffers,
    operands.filter((_, i) => isThere(i)),
  )
  if (bindings > target.mostOperands)
    out.push({ rule: 'few', what: `has ${operands.length} operands in ${bindings} bindings` })
  for (const what of refusals(kernel, target)) out.push({ rule: 'taken', what: `has ${what}` })
  for (const r of regions) {
    const { operand, access, dims, strides } = r
    if (!isThere(operand)) {
      out.push({ rule: 'there', operand, what: `is named by the kernel, which has ${operands.length} operands` })
      continue
    }
    if ((access === 'write') !== operand < resultsOf(kernel))
      out.push({ rule: 'there', operand, what: access === 'write' ? 'is written' : 'is a result, and read' })
    if (strides.length !== dims.length) {
      out.push({ rule: 'ranked', operand, what: `has strides [${strides}] over [${dims}]` })
      continue
    }
    const { element, length } = draft.buffers[operands[operand]!]!
    // Panels that are not packed yet are not known to be kept in 16 bits.
    if (r.element !== element && !draft.panels.has(operands[operand]!))
      out.push({ rule: 'typed', operand, what: `is ${element}, and taken for ${r.element}` })
    const reach = extentOf(r)
    if (reach !== undefined && reach.first <= reach.last && (reach.first < 0 || reach.last >= length))
      out.push({
        rule: 'within',
        operand,
        what: `has ${length} elements, of which ${reach.first} … ${reach.last} are ${access === 'read' ? 'read' : 'written'}`,
      })
  }
  out.push(...epilogueFaults(dispatch))
  if (kernel._tag === 'Gemm' && isThere(1)) out.push(...panelFaults(kernel, operands[1]!, draft))
  return out
}
