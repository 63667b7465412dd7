/** From a traced graph to the program of a target, pass by pass. */
import { keptBytes, type Draft, type Program } from '../codegen/program.ts'
import type { Call, Graph, Node } from '../graph/node.ts'
import { compose } from './compose.ts'
import { constants } from './constants.ts'
import { epilogues } from './epilogue.ts'
import { fuse, fusedCalls } from './fuse.ts'
import { gates } from './gates.ts'
import { inline } from './inline.ts'
import { label } from './label.ts'
import { magnifiedImage } from './magnify.ts'
import { normIntoProducts } from './norm-into-products.ts'
import { pack } from './pack.ts'
import { partsOfProducts } from './parts-of-products.ts'
import type { Pass, ProgramPass } from './pass.ts'
import { project } from './project.ts'
import { sharedProducts } from './shared-products.ts'
import { several } from './several.ts'
import { simplify } from './simplify.ts'
import { stages } from './stages.ts'
import { sums } from './sums.ts'
import type { Target } from './target.ts'
import { unused } from './unused.ts'

const isMagnified = (n: Call, readers: readonly Node[]): boolean =>
  magnifiedImage(n) !== undefined && readers.every((r) => r._tag === 'Conv' && r.x === n)

/** Graph to graph, for a target. */
export const graphPasses = (target: Target): readonly Pass[] => [
  inline(fusedCalls, target.borders === 'implicit' ? isMagnified : undefined),
  simplify,
  sharedProducts,
  ...(target.products === 'rich' ? [normIntoProducts, gates, compose, partsOfProducts] : []),
]

/** Program to program, for any target: a pass asks it what it takes. */
export const programPasses: readonly ProgramPass[] = [
  unused,
  sums,
  constants,
  epilogues,
  project,
  several,
  unused,
  stages,
  pack,
  label,
]

/** How programs are made. */
export type LowerOptions = {
  /** No algorithm whose rounding errors are larger than those of the definition. */
  readonly exact?: boolean
  /** Bytes that a program may keep between runs; one that would keep more keeps its weights as they are stored. */
  readonly keep?: number
}

/** What there is after a pass. */
export type Stage =
  | { readonly _tag: 'Graph'; readonly pass: string; readonly graph: Graph }
  | { readonly _tag: 'Program'; readonly pass: string; readonly program: Draft }

const mostKept = 1.5 * 2 ** 30

/** The program of a graph for a target. `report` is told of every stage on the way; of two attempts, of both. */
export const lower = (
  graph: Graph,
  target: Target,
  { exact = false, keep = mostKept }: LowerOptions = {},
  report: (stage: Stage) => void = () => undefined,
): Program => {
  const ready = graphPasses(target).reduce((g, pass) => {
    const after = pass.run(g)
    report({ _tag: 'Graph', pass: pass.name, graph: after })
    return after
  }, graph)
  const finish = (draft: Draft): Program => {
    report({ _tag: 'Program', pass: 'fuse', program: draft })
    return programPasses.reduce((p, pass) => {
      const program = pass.run(p, target)
      report({ _tag: 'Program', pass: pass.name, program })
      return program
    }, draft)
  }
  const fast = finish(fuse(ready, target, { exact }))
  return keptBytes(fast) <= keep ? fast : finish(fuse(ready, target, { exact, lean: true }))
}
