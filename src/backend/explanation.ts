/** What there is to say of a function as a program. */
import { elementBytes, kindOf, resultsOf, type Dispatch } from '../codegen/kernel.ts'
import { keptBytes, type Program } from '../codegen/program.ts'
import type { Graph, Node } from '../graph/node.ts'
import { lettersOf, opOf } from '../graph/print.ts'
import { costOf, type Cost } from '../passes/cost.ts'
import { effectOf, type Effect } from '../passes/effect.ts'
import type { Stage } from '../passes/lower.ts'
import { nodesOf, parametersOf } from '../passes/provenance.ts'
import { print } from '../graph/print.ts'
import type { Compilation } from './compilation.ts'
import { bufferName, extentsOf, listing } from './listing.ts'

/** A pass, and what there was after it. */
export type PassReport = Effect & { readonly listing: string }

/** Where an operand of a kernel is: in the block of all that lives during a run, from a byte on; or in a buffer of its own. */
export type Slot = {
  readonly name: string
  readonly place: 'arena' | 'parameter' | 'kept' | 'input' | 'output'
  /** Bytes from the start of the arena. */
  readonly offset?: number
  readonly bytes: number
  /** Parameters that it is made of. */
  readonly parameters: readonly string[]
}

/** A kernel of a program. */
export type KernelReport = Cost & {
  /** Its number among those of every run, or of those that run once. */
  readonly index: number
  readonly when: 'once' | 'every'
  readonly kind: string
  readonly over: string
  readonly label: string
  /** The nodes of the last graph that became part of it, as its listing has them; some may be part of several kernels. */
  readonly computes: readonly { readonly name: string; readonly op: string }[]
  readonly results: readonly Slot[]
  readonly reads: readonly Slot[]
  /** Its code, where that is text, or how much there is of it. */
  readonly code: string
}

/** Memory of a program: of what lives during a run, planned and at least; and of what is kept between runs, parameters among it. */
export type PlanReport = { readonly arena: number; readonly alive: number; readonly kept: number }

/** A program, with everything that led to it. */
export type ProgramReport = {
  readonly passes: readonly PassReport[]
  readonly kernels: readonly KernelReport[]
  readonly plan: PlanReport
  /** How much code there is. */
  readonly amount: string
}

const listingOf = (stage: Stage): string =>
  stage._tag === 'Graph' ? print(stage.graph) : listing(stage.program, 0).replace(/; \d+ bytes during a run$/, '')

const slotOf = (
  program: Program,
  { arena }: Compilation,
  parameters: ReadonlyMap<number, readonly string[]>,
  id: number,
): Slot => {
  const { purpose, length, element } = program.buffers[id]!
  const offset = arena.offsets.get(id)
  const places = { Input: 'input', Numbers: 'input', Leaf: 'parameter', Kept: 'kept', Output: 'output' } as const
  return {
    name: bufferName(program, id),
    place: purpose._tag === 'Scratch' || offset !== undefined ? 'arena' : places[purpose._tag],
    ...(offset !== undefined && { offset }),
    bytes: length * elementBytes(element),
    parameters: parameters.get(id) ?? [],
  }
}

const kernelsOf = (graph: Graph, compilation: Compilation): readonly KernelReport[] => {
  const { program, code } = compilation
  const letters = lettersOf(graph)
  const parameters = parametersOf({ ...program, panels: new Map() })
  const named = (n: Node) => ({ name: letters.get(n) ?? '', op: opOf(n) })
  const report = (d: Dispatch, index: number, when: 'once' | 'every'): KernelReport => {
    const slots = d.operands.map((id) => slotOf(program, compilation, parameters, id))
    return {
      index,
      when,
      kind: kindOf(d.kernel),
      over: extentsOf(d.kernel),
      label: d.label,
      computes: nodesOf(d).map(named),
      results: slots.slice(0, resultsOf(d.kernel)),
      reads: slots.slice(resultsOf(d.kernel)),
      ...costOf(d, program),
      code: code[when][index]!,
    }
  }
  return [...program.once.map((d, i) => report(d, i, 'once')), ...program.every.map((d, i) => report(d, i, 'every'))]
}

/** What there is to say of a compilation of a graph. */
export const reportOf = (traced: Graph, compilation: Compilation): ProgramReport => {
  const { stages, program, arena, bound, amount } = compilation
  const all: readonly Stage[] = [{ _tag: 'Graph', pass: 'trace', graph: traced }, ...stages]
  const last = all.findLast((s) => s._tag === 'Graph')!
  return {
    passes: stages.map((stage, i) => {
      const effect = effectOf(all[i]!, stage)
      return { ...effect, listing: effect.changed ? listingOf(stage) : '' }
    }),
    kernels: kernelsOf(last.graph, compilation),
    plan: { arena: arena.bytes, alive: bound, kept: keptBytes(program) },
    amount,
  }
}
