/** What the library sets out to reach, beside what this run measured. */
import type { Roof } from '../roofs/roof.ts'
import type { Group } from '../runners.ts'
import { overheads } from './overhead.ts'
import type { Results } from './results.ts'
import { leastRatio, type Gap, type Row } from './rows.ts'
import { columns, figures } from './table.ts'

/** A figure and its bound. */
export type Goal = {
  readonly what: string
  readonly measured: number
  readonly atLeast?: number
  readonly atMost?: number
  /** What was measured is the least that it can be: a peer was cut off. */
  readonly orMore?: boolean
}

/** Has it been reached? Undefined where that is not known. */
export const reached = ({ measured, atLeast = -Infinity, atMost = Infinity, orMore }: Goal): boolean | undefined => {
  const is = measured >= atLeast && measured <= atMost
  return is || orMore !== true ? is : undefined
}

type Wanted = { readonly group: Group; readonly workloads: RegExp; readonly peer: string; readonly times: number }

const steps = /^W[123]$/
const notSmall = /^(?!K\.small)/
const convolutions = /^K\.conv/
const attention = /^K\.attention/
const products = /^K\.matmul/
const productsAndConvolutions = /^K\.(matmul|conv)/

/** A peer's time over ours, at least. */
const wanted: readonly Wanted[] = [
  { group: 'cpu1', workloads: convolutions, peer: 'tfjs-wasm', times: 4 },
  { group: 'cpu2', workloads: convolutions, peer: 'onnxruntime-web', times: 5 },
  { group: 'cpu1', workloads: attention, peer: 'tfjs-wasm', times: 5 },
  { group: 'cpu1', workloads: steps, peer: 'diffusers', times: 1 },
  { group: 'cpu2', workloads: steps, peer: 'diffusers', times: 1 },
  { group: 'cpu1', workloads: steps, peer: 'onnxruntime-node', times: 1 / 1.5 },
  { group: 'cpu2', workloads: steps, peer: 'onnxruntime-node', times: 1 / 1.5 },
  { group: 'cpu1', workloads: steps, peer: 'onnxruntime-web', times: 4 },
  { group: 'cpu2', workloads: steps, peer: 'onnxruntime-web', times: 4 },
  { group: 'cpu1', workloads: steps, peer: 'tfjs-wasm', times: 4 },
  { group: 'browser', workloads: notSmall, peer: 'jax-js webgpu', times: 2 },
  { group: 'browser', workloads: notSmall, peer: 'onnxruntime-web webgpu', times: 2 },
]

const isSwiftshader = (adapter: string): boolean => /swiftshader/i.test(adapter)
const isLavapipe = (adapter: string): boolean => /llvmpipe|lavapipe/i.test(adapter)

/** Those against op by op on WebGPU depend on the adapter, which either has fast loops or slow ones. */
const onAdapter = (roofs: readonly Roof[]): readonly Wanted[] =>
  (['gpu', 'browser'] as const).flatMap((group) => {
    const adapter = roofs.find((r) => r.group === group)?.description ?? ''
    const peer = 'tfjs-webgpu'
    if (isSwiftshader(adapter)) return [{ group, workloads: steps, peer, times: 6 }]
    if (!isLavapipe(adapter)) return []
    return [
      { group, workloads: steps, peer, times: 4 },
      { group, workloads: /^K\.matmul/, peer, times: 3 },
      { group, workloads: convolutions, peer, times: 5 },
      { group, workloads: attention, peer, times: 7 },
    ]
  })

const ratiosOf = ({ rows, gaps }: Results, { group, workloads, peer, times }: Wanted): readonly Goal[] => {
  const meant = (cell: Row | Gap): boolean =>
    cell.group === group && cell.peer === peer && workloads.test(cell.workload)
  const goal = (cell: Row | Gap, measured: number): Goal => ({
    what: `${cell.workload}, ${group}: ${peer}'s time over ours`,
    measured,
    atLeast: times,
  })
  return [
    ...rows.filter((r) => meant(r) && r.ratio !== undefined).map((r) => goal(r, r.ratio!)),
    ...gaps.filter(meant).flatMap((g): readonly Goal[] => {
      const least = leastRatio(rows, g)
      return least === undefined ? [] : [{ ...goal(g, least), orMore: true }]
    }),
  ]
}

/** Parts of the roof: products on the processor, convolutions too on a GPU that is one. */
const partsOfRoof = ({ rows, roofs }: Results): readonly Goal[] =>
  rows.flatMap((r): readonly Goal[] => {
    const roof = roofs.find((o) => o.group === r.group && o.of === r.peer)
    if (roof === undefined || !r.ours || !r.right || r.gflops === undefined) return []
    const onCpu = r.peer === 'wasm'
    if (!onCpu && (isSwiftshader(roof.description) || isLavapipe(roof.description))) return []
    if (!(onCpu ? products : productsAndConvolutions).test(r.workload)) return []
    const what = `${r.workload}, ${r.group}: part of the roof`
    return [{ what, measured: r.gflops / roof.gflops, atLeast: onCpu ? 0.85 : 0.6 }]
  })

/** The goals that these results say something about. */
export const goalsOf = (results: Results): readonly Goal[] => {
  const { rows, roofs, cold } = results
  const ratios = [...wanted, ...onAdapter(roofs)].flatMap((w) => ratiosOf(results, w))
  const programs = rows.flatMap((r): Goal[] => {
    if (r.facts === undefined || !steps.test(r.workload)) return []
    const { dispatches, submits, pipelines, arenaBytes, boundBytes, traceMs, lowerMs } = r.facts
    const name = `${r.workload}, ${r.group}`
    return [
      ...(r.peer === 'webgpu'
        ? [
            { what: `${name}: dispatches`, measured: dispatches, atMost: 250 },
            { what: `${name}: submits`, measured: submits, atMost: 1 },
            { what: `${name}: pipelines`, measured: pipelines, atMost: 60 },
          ]
        : []),
      { what: `${name}: arena over the liveness bound`, measured: arenaBytes / boundBytes, atMost: 1.3 },
      { what: `${name}: ms to trace and lower`, measured: traceMs + lowerMs, atMost: 1000 },
    ]
  })
  const starts = cold.flatMap((c): Goal[] => {
    const ours = cold.find((o) => o.peer === 'diffold wasm' && o.threads === c.threads)?.seconds
    if (c.peer !== 'diffusers' || typeof c.seconds !== 'number' || typeof ours !== 'number') return []
    return [
      {
        what: `a picture from a cold process, ${c.threads} thread(s): Python's time over ours`,
        measured: c.seconds / ours,
        atLeast: 1,
      },
    ]
  })
  const overhead = overheads(rows)
    .filter((o) => o.peer === 'wasm')
    .map((o): Goal => ({ what: `${o.group}: µs a kernel beside its work`, measured: o.ns / 1000, atMost: 1 }))
  return [...ratios, ...partsOfRoof(results), ...overhead, ...programs, ...starts]
}

/** A line a goal. */
export const goalsTable = (results: Results): string => {
  const goals = goalsOf(results)
  const verdict = (g: Goal): string => ({ true: 'reached', false: 'MISSED', undefined: 'open' })[`${reached(g)}`]
  if (goals.length === 0) return ''
  const bound = ({ atLeast, atMost }: Goal): string =>
    atLeast === undefined ? `≤ ${figures(atMost!)}` : `≥ ${figures(atLeast)}`
  return columns([
    ['goals', 'measured', 'goal', ''],
    ...goals.map((g) => [
      `  ${g.what}`,
      `${g.orMore === true ? '> ' : ''}${figures(g.measured)}`,
      bound(g),
      verdict(g),
    ]),
  ])
}
