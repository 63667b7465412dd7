/** Is this a program? Run after every pass in the specs, as `check` is after every pass on graphs. */
import type { Dispatch } from '../codegen/kernel.ts'
import type { Draft } from '../codegen/program.ts'
import { size } from '../core/shape.ts'
import { PassError } from '../errors.ts'
import { check } from '../graph/check.ts'
import { kernelFaults, kernelRules, type KernelViolation } from './check-kernel.ts'
import type { Stage } from './lower.ts'
import { extentOf, isInjective, mark, regionsOf, type Region } from './regions.ts'
import type { Target } from './target.ts'
import { readsOf, writesOf } from './uses.ts'

/** The rules of programs. */
export const rules = {
  ...kernelRules,
  before: 'what is read has been written before, all of it',
  once: 'what is computed once is made of what stays, and stays',
  kept: 'nothing that stays or is given is written at a run',
  twice: 'no element is written twice',
  whole: 'every element of what is read or given back is written',
  gone: 'products that a kernel uses up are not read again',
  outputs: 'outputs are buffers of their own',
  packed: 'a finished program has no panels left to pack',
  wanted: 'everything that a finished program computes is read, or an output',
} as const
/** The name of a rule. */
export type Rule = keyof typeof rules

/** A rule that a program breaks, and where: which kernel, and which of its operands, if one is to blame. */
export type Violation = {
  readonly rule: Rule
  readonly at?: { readonly when: 'once' | 'every'; readonly index: number; readonly label: string }
  readonly operand?: number
  readonly message: string
}

type Placed = Dispatch & { readonly when: 'once' | 'every'; readonly index: number }

const violation = (rule: Rule, what: string, d?: Placed, operand?: number): Violation => {
  const which = operand === undefined ? '' : ` operand ${operand}${d === undefined ? '' : ` (%${d.operands[operand]})`}`
  const where =
    d === undefined ? '' : `${d.when === 'once' ? 'once' : 'kernel'} ${d.index} ${d.kernel._tag} '${d.label}'${which} `
  return {
    rule,
    ...(d && { at: { when: d.when, index: d.index, label: d.label } }),
    ...(operand !== undefined && { operand }),
    message: `${where}${what}: ${rules[rule]}`,
  }
}

/** More elements than this are not marked one by one. */
const mostMarked = 2 ** 24

/** Kernels that leave gaps on purpose: between planes. */
const leavesGaps = ({ kernel }: Dispatch): boolean => kernel._tag === 'WinogradInput' || kernel._tag === 'Gemm'

/** Every element of a buffer is written, and once. */
const writtenOnce = (
  id: number,
  { buffers }: Draft,
  writers: readonly { readonly d: Placed; readonly region: Region }[],
): Violation[] => {
  const { length } = buffers[id]!
  const [first, ...others] = writers
  const isInside = writers.every(({ region }) => {
    const reach = extentOf(region)
    return reach !== undefined && (reach.first > reach.last || (reach.first >= 0 && reach.last < length))
  })
  const all = writers.reduce((sum, { region }) => sum + size(region.dims), 0)
  if (first === undefined || !isInside) return [] // Told of already.
  const out: Violation[] = []
  if (others.length > 0 || !isInjective(first.region)) {
    if (all > mostMarked) return []
    const marks = new Uint8Array(length)
    for (const { d, region } of writers)
      if (mark(region, marks) < size(region.dims))
        out.push(violation('twice', 'is written where it has been', d, region.operand))
  }
  const isWhole = all >= length || (others.length === 0 && leavesGaps(first.d))
  if (out.length === 0 && !isWhole)
    out.push(violation('whole', `has ${length} elements, of which ${all} are written`, first.d, first.region.operand))
  return out
}

/** Who reads and writes what, in order. */
const flowFaults = (draft: Draft, all: readonly Placed[]): Violation[] => {
  const { buffers } = draft
  const out: Violation[] = []
  const [firstWrite, lastWrite, usedUp] = [
    new Map<number, number>(),
    new Map<number, number>(),
    new Map<number, number>(),
  ]
  const writers = new Map<number, { readonly d: Placed; readonly region: Region }[]>()
  all.forEach((d, at) => {
    for (const id of writesOf(d)) {
      if (!firstWrite.has(id)) firstWrite.set(id, at)
      lastWrite.set(id, at)
    }
    for (const region of regionsOf(d.kernel)) {
      if (region.access === 'read') continue
      const id = d.operands[region.operand]!
      const there = writers.get(id)
      if (there === undefined) writers.set(id, [{ d, region }])
      else there.push({ d, region })
    }
    if (d.kernel._tag === 'WinogradOutput') usedUp.set(d.operands[1]!, at)
  })
  const isGiven = (id: number): boolean => /Input|Numbers|Leaf/.test(buffers[id]!.purpose._tag)
  all.forEach((d, at) => {
    for (const id of writesOf(d)) {
      const tag = buffers[id]!.purpose._tag
      const operand = d.operands.indexOf(id)
      if (d.when === 'once' ? tag !== 'Kept' : tag === 'Kept' || isGiven(id))
        out.push(violation(d.when === 'once' ? 'once' : 'kept', `is written, and ${tag}`, d, operand))
    }
    for (const id of new Set(readsOf(d, draft))) {
      const operand = d.operands.indexOf(id)
      const place = operand < 0 ? undefined : operand
      const tag = buffers[id]?.purpose._tag
      if (tag === undefined) continue
      if (d.when === 'once' && tag !== 'Kept' && tag !== 'Leaf')
        out.push(violation('once', `%${id} is read, and ${tag}`, d, place))
      if (isGiven(id) || draft.panels.has(id)) continue
      if (!((firstWrite.get(id) ?? Infinity) < at)) out.push(violation('before', `%${id} is not written yet`, d, place))
      else if (lastWrite.get(id)! >= at) out.push(violation('before', `%${id} is written again later`, d, place))
      if ((usedUp.get(id) ?? Infinity) < at) out.push(violation('gone', `%${id} is read`, d, place))
    }
  })
  for (const [id, own] of writers) out.push(...writtenOnce(id, draft, own))
  return out
}

const outputFaults = ({ outputs, buffers, every }: Draft): Violation[] => {
  const written = new Set(every.flatMap((d) => [...writesOf(d)]))
  return outputs.flatMap((id, i) => {
    if (buffers[id]?.purpose._tag !== 'Output' || outputs.indexOf(id) !== i)
      return [violation('outputs', `output ${i} is %${id}`)]
    return buffers[id].length > 0 && !written.has(id) ? [violation('whole', `output ${i} is not written`)] : []
  })
}

/** What only a finished program has. */
const loose = (draft: Draft, all: readonly Placed[]): Violation[] => {
  const wanted = new Set([...draft.outputs, ...all.flatMap((d) => [...readsOf(d, draft)])])
  const dead = all.filter((d) => !writesOf(d).some((id) => wanted.has(id)))
  const left = draft.panels.size === 0 ? [] : [violation('packed', `${draft.panels.size} panels are not`)]
  return [...left, ...dead.map((d) => violation('wanted', 'is computed for nobody', d))]
}

/** The rules that a program for a target breaks, and where. A finished one has nothing left to do, and does nothing in vain. */
export const violationsOf = (draft: Draft, target: Target, finished = false): readonly Violation[] => {
  const all: readonly Placed[] = (['once', 'every'] as const).flatMap((when) =>
    draft[when].map((d, index) => ({ ...d, when, index })),
  )
  const own = all.flatMap((d) =>
    kernelFaults(d, draft, target).map((v: KernelViolation) => violation(v.rule, v.what, d, v.operand)),
  )
  // Where operands are missing there is no telling who reads what.
  const isSound = own.every((v) => v.rule !== 'there' && v.rule !== 'ranked')
  return [
    ...own,
    ...outputFaults(draft),
    ...(isSound ? flowFaults(draft, all) : []),
    ...(finished ? loose(draft, all) : []),
  ]
}

/** Checks what there is after a pass. Throws `PassError`, naming the pass, kernels and operands; what is wrong with a graph, `check` says. */
export const checkStage = (stage: Stage, target: Target): void => {
  if (stage._tag === 'Graph') return void check(stage.graph)
  const violations = violationsOf(stage.program, target, stage.pass === 'pack' || stage.pass === 'label')
  if (violations.length > 0) throw new PassError(stage.pass, violations)
}
