/** The report as a picture: times relative to ours, a panel a group. */
import * as Plot from '@observablehq/plot'
import { palette, type Panel, type Sheet } from '../../examples/plots/sheet.ts'
import type { Group } from '../runners.ts'
import type { Row } from './rows.ts'

const titles: Readonly<Record<Group, string>> = {
  cpu1: 'One thread',
  cpu2: 'Two threads',
  gpu: 'WebGPU in Node',
  browser: 'WebGPU in a browser',
}

const colours: Readonly<Record<string, string>> = Object.fromEntries(
  ['tfjs', 'jax-js', 'onnxruntime-web', 'onnxruntime-node', 'diffusers'].map((name, i) => [name, palette[i]!]),
)
const familyOf = (peer: string): string => Object.keys(colours).find((name) => peer.startsWith(name)) ?? peer

type Bar = { readonly workload: string; readonly peer: string; readonly ratio: number }

const panel = (group: Group, rows: readonly Row[]): Panel => {
  const bars: Bar[] = rows
    .filter((r) => r.group === group && !r.ours && r.ratio !== undefined)
    .map((r) => ({ workload: r.workload.replace('K.', ''), peer: familyOf(r.peer), ratio: r.ratio! }))
  const names = [...new Set(bars.map((b) => b.workload))]
  return {
    title: titles[group],
    note: 'time over ours, logarithmic; the line is ours',
    options: {
      marginLeft: 118,
      marginBottom: 30,
      x: { type: 'log', label: null, grid: true, tickFormat: (d: number) => `${d}×` },
      y: { type: 'band', domain: names, label: null, padding: 0.35 },
      marks: [
        Plot.ruleX([1], { stroke: '#222' }),
        Plot.dot(bars, { x: 'ratio', y: 'workload', fill: (b: Bar) => colours[b.peer] ?? '#555', r: 4 }),
      ],
    },
  }
}

/** The sheet of these rows. */
export const plotSheet = (rows: readonly Row[]): Sheet => {
  const groups = (Object.keys(titles) as Group[]).filter((g) =>
    rows.some((r) => r.group === g && !r.ours && r.ratio !== undefined),
  )
  return {
    heading: 'diffold beside its peers',
    lines: [
      'Right of the line the peer takes longer. Blue: TensorFlow.js op by op; orange: jax-js; green: onnxruntime-web; pink: onnxruntime-node; amber: Python diffusers on torch.',
    ],
    columns: Math.min(2, Math.max(1, groups.length)),
    size: [460, 300],
    panels: groups.map((g) => panel(g, rows)),
  }
}
