/** What a pass has done, in a few words. */
import { keyOf, kindOf } from '../codegen/kernel.ts'
import type { Draft } from '../codegen/program.ts'
import { toposort, type Graph } from '../graph/node.ts'
import { nameOf } from '../graph/print.ts'
import type { Stage } from './lower.ts'

/** How many there were and are of what a pass works on, and of which kinds there are more or fewer. */
export type Effect = {
  readonly pass: string
  readonly of: 'node' | 'kernel'
  readonly before: number
  readonly after: number
  readonly changed: boolean
  /** `−12 conv`, `+4 slice`: the largest changes first. */
  readonly kinds: readonly string[]
}

const nodeNames = (g: Graph): readonly string[] =>
  toposort(g.outputs)
    .filter((n) => n._tag !== 'Const' && n._tag !== 'Input')
    .map((n) => (n._tag === 'Buffer' ? 'parameter' : nameOf(n)))

const kernelNames = (p: Draft): readonly string[] => [
  ...p.every.map((d) => kindOf(d.kernel)),
  ...p.once.map((d) => `${kindOf(d.kernel)} once`),
]

const differences = (before: readonly string[], after: readonly string[]): readonly string[] => {
  const counts = new Map<string, number>()
  for (const name of before) counts.set(name, (counts.get(name) ?? 0) - 1)
  for (const name of after) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts]
    .filter(([, n]) => n !== 0)
    .sort(([a, m], [b, n]) => Math.abs(n) - Math.abs(m) || (a < b ? -1 : 1))
    .map(([name, n]) => `${n < 0 ? '−' : '+'}${Math.abs(n)} ${name}`)
}

const sameKernels = (a: Draft, b: Draft): boolean =>
  (['once', 'every'] as const).every(
    (when) =>
      a[when].length === b[when].length &&
      a[when].every((d, i) => {
        const e = b[when][i]!
        return d === e || (keyOf(d.kernel) === keyOf(e.kernel) && d.operands.join() === e.operands.join())
      }),
  )

/** The effect of the pass that made a stage of the one before it. */
export const effectOf = (before: Stage, after: Stage): Effect => {
  const { pass } = after
  if (after._tag === 'Graph') {
    const was = before._tag === 'Graph' ? before.graph : after.graph
    const [a, b] = [nodeNames(was), nodeNames(after.graph)]
    // Equal nodes are the same node.
    const changed = after.graph.outputs.some((n, i) => n !== was.outputs[i])
    return { pass, of: 'node', before: a.length, after: b.length, changed, kinds: differences(a, b) }
  }
  const b = kernelNames(after.program)
  if (before._tag === 'Graph')
    return {
      pass,
      of: 'kernel',
      before: nodeNames(before.graph).length,
      after: b.length,
      changed: true,
      kinds: differences([], b),
    }
  const a = kernelNames(before.program)
  const changed = !sameKernels(before.program, after.program)
  return { pass, of: 'kernel', before: a.length, after: b.length, changed, kinds: differences(a, b) }
}
