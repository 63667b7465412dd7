/** What the library sets out to reach, beside what this run measured. */
import type { Cold } from '../cold.ts'
import type { Roof } from '../roofs/roof.ts'
import type { Group } from '../runners.ts'
import type { Row } from './rows.ts'
import { columns, figures } from './table.ts'

/** A figure and its bound. */
export type Goal = {
  readonly what: string
  readonly measured: number
  readonly atLeast?: number
  readonly atMost?: number
}

/** Has it been reached? */
export const reached = ({ measured, atLeast = -Infinity, atMost = Infinity }: Goal): boolean =>
  measured >= atLeast && measured <= atMost

type Wanted = { readonly group: Group; readonly workloads: RegExp; readonly peer: string; readonly times: number }

const steps = /^W[123]$/
const convolutions = /^K\.conv/
const attention = /^K\.attention/

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
  { group: 'browser', workloads: /./, peer: 'jax-js webgpu', times: 2 },
  { group: 'browser', workloads: /./, peer: 'onnxruntime-web webgpu', times: 2 },
]

/** Those against op by op on WebGPU depend on the adapter, which either has fast loops or slow ones. */
const onAdapter = (roofs: readonly Roof[]): readonly Wanted[] =>
  (['gpu', 'browser'] as const).flatMap((group) => {
    const adapter = roofs.find((r) => r.group === group)?.description ?? ''
    const peer = 'tfjs-webgpu'
    if (/swiftshader/i.test(adapter)) return [{ group, workloads: steps, peer, times: 6 }]
    if (!/llvmpipe|lavapipe/i.test(adapter)) return []
    return [
      { group, workloads: steps, peer, times: 4 },
      { group, workloads: /^K\.matmul/, peer, times: 3 },
      { group, workloads: convolutions, peer, times: 5 },
      { group, workloads: attention, peer, times: 7 },
    ]
  })

/** The goals that this run says something about. */
export const goalsOf = (rows: readonly Row[], roofs: readonly Roof[], cold: readonly Cold[]): readonly Goal[] => {
  const ratios = [...wanted, ...onAdapter(roofs)].flatMap(({ group, workloads, peer, times }): Goal[] =>
    rows
      .filter((r) => r.group === group && r.peer === peer && workloads.test(r.workload) && r.ratio !== undefined)
      .map((r) => ({ what: `${r.workload}, ${group}: ${peer}'s time over ours`, measured: r.ratio!, atLeast: times })),
  )
  const ofRoof = rows.flatMap((r): Goal[] => {
    const roof = roofs.find((o) => o.group === r.group && o.of === r.peer)
    if (roof === undefined || r.peer !== 'wasm' || !r.workload.startsWith('K.matmul')) return []
    return [{ what: `${r.workload}, ${r.group}: part of the roof`, measured: r.gflops! / roof.gflops, atLeast: 0.85 }]
  })
  const programs = rows.flatMap((r): Goal[] => {
    if (r.facts === undefined || r.workload !== 'W3') return []
    const { dispatches, pipelines, arenaBytes, boundBytes, traceMs, lowerMs } = r.facts
    const name = `W3 ${r.peer}, ${r.group}`
    return [
      ...(r.peer === 'webgpu'
        ? [
            { what: `${name}: dispatches`, measured: dispatches, atMost: 250 },
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
  return [...ratios, ...ofRoof, ...programs, ...starts]
}

/** A line a goal. */
export const goalsTable = (rows: readonly Row[], roofs: readonly Roof[], cold: readonly Cold[]): string => {
  const goals = goalsOf(rows, roofs, cold)
  if (goals.length === 0) return ''
  const bound = ({ atLeast, atMost }: Goal): string =>
    atLeast === undefined ? `≤ ${figures(atMost!)}` : `≥ ${figures(atLeast)}`
  return columns([
    ['goals', 'measured', 'goal', ''],
    ...goals.map((g) => [`  ${g.what}`, figures(g.measured), bound(g), reached(g) ? 'reached' : 'MISSED']),
  ])
}
