/** Measurements as rows of a report: ratios, and whether the work was the same. */
import { difference, tolerance } from '../compare.ts'
import type { Facts } from '../facts.ts'
import type { Measured, Missing } from '../measure.ts'
import { nameOf, type Group } from '../runners.ts'
import { linksOf } from '../workloads/kernels.ts'
import type { Extent } from '../workloads/work.ts'

/** A peer with a workload. Times are milliseconds of one step, or of one link of a kernel's chain. */
export type Row = {
  readonly workload: string
  readonly title: string
  readonly group: Group
  readonly threads: number
  readonly peer: string
  readonly ours: boolean
  readonly description: string
  readonly first: number
  readonly firstFold: number
  readonly least: number
  readonly middle: number
  readonly count: number
  /** Its least time over ours in the same group; undefined where ours is missing or wrong. */
  readonly ratio: number | undefined
  readonly gflops: number | undefined
  /** The largest difference from the reference, as a part of its largest value. */
  readonly apart: number
  readonly right: boolean
  readonly facts: Facts | undefined
}

/** A peer that was not measured, and why. */
export type Gap = {
  readonly workload: string
  readonly title: string
  readonly group: Group
  readonly peer: string
  /** Its name among all groups. */
  readonly name: string
  readonly why: string
  /** Seconds after which its first fold was cut off. */
  readonly over?: number
}

const trust = ['onnxruntime-node', 'diffusers', 'onnxruntime-web', 'tfjs-wasm']

/** Folds of the same extent have the same result. */
export const keyOf = ({ steps, chained }: Extent): string => `${steps} ${chained}`

/** For each extent, the output that the others are compared with: that of a runtime which shares least with ours. */
export const referencesOf = (all: readonly Measured[]): ReadonlyMap<string, Measured> => {
  const known = new Map<string, Measured>()
  for (const id of trust)
    for (const m of all) if (m.runner.id === id && !known.has(keyOf(m.extent))) known.set(keyOf(m.extent), m)
  return known
}

const linksIn = ({ workload: { kernel }, extent }: Measured): number =>
  kernel === undefined ? 1 : linksOf(kernel, extent.chained)

/** The rows of one workload. `flops` are those of a link or a step; `references` what each extent's output is compared with. */
export const rowsOf = (
  outcomes: readonly (Measured | Missing)[],
  flops: number,
  references: ReadonlyMap<string, Float32Array>,
): { readonly rows: readonly Row[]; readonly gaps: readonly Gap[] } => {
  const measured = outcomes.filter((o): o is Measured => 'result' in o)
  const gaps = outcomes.flatMap((o): Gap[] =>
    'why' in o
      ? [
          {
            workload: o.workload.id,
            title: o.workload.title,
            group: o.runner.group,
            peer: o.runner.id,
            name: nameOf(o.runner),
            why: o.why,
            ...(o.over === undefined ? {} : { over: o.over }),
          },
        ]
      : [],
  )
  const rows = measured.map((m): Row => {
    const links = linksIn(m)
    const apart = difference(m.result, references.get(keyOf(m.extent)) ?? new Float32Array(0))
    return {
      workload: m.workload.id,
      title: m.workload.title,
      group: m.runner.group,
      threads: m.runner.threads,
      peer: m.runner.id,
      ours: m.runner.ours,
      description: m.description,
      first: m.first,
      firstFold: m.firstFold,
      least: m.least / links,
      middle: m.middle / links,
      count: m.count,
      ratio: undefined,
      gflops: flops > 0 ? flops / (m.least / links) / 1e6 : undefined,
      apart,
      right: apart <= tolerance,
      facts: m.facts,
    }
  })
  return { rows: withRatios(rows), gaps }
}

/** Ratios to ours of the same workload and group. */
export const withRatios = (rows: readonly Row[]): readonly Row[] =>
  rows.map((row) => {
    const base = rows.find((r) => r.ours && r.right && r.group === row.group && r.workload === row.workload)
    return { ...row, ratio: base === undefined || !row.right ? undefined : row.least / base.least }
  })

/** The least that the ratio of a peer can be whose first fold was cut off: the limit over all of our first fold, compilation included. */
export const leastRatio = (rows: readonly Row[], { group, workload, over }: Gap): number | undefined => {
  const base = rows.find((r) => r.ours && r.right && r.group === group && r.workload === workload)
  return base === undefined || over === undefined ? undefined : (1000 * over) / base.firstFold
}
