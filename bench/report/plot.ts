/** The report as a picture: times relative to ours, a panel a group. */
import * as Plot from '@observablehq/plot'
import { palette, type Panel, type Sheet } from '../../examples/plots/sheet.ts'
import type { Group } from '../runners.ts'
import type { Results } from './results.ts'
import { workloads } from '../workloads/catalogue.ts'
import { leastRatio } from './rows.ts'

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

/** `orMore`: the peer was cut off. */
type Bar = { readonly workload: string; readonly peer: string; readonly ratio: number; readonly orMore: boolean }

const shortOf = (id: string): string => id.replace('K.', '')

const barsOf = ({ rows, gaps }: Results, group: Group): readonly Bar[] => {
  const bar = (cell: { readonly workload: string; readonly peer: string }, ratio: number, orMore: boolean): Bar => ({
    workload: shortOf(cell.workload),
    peer: familyOf(cell.peer),
    ratio,
    orMore,
  })
  return [
    ...rows.filter((r) => r.group === group && !r.ours && r.ratio !== undefined).map((r) => bar(r, r.ratio!, false)),
    ...gaps.flatMap((g) => {
      const least = g.group === group ? leastRatio(rows, g) : undefined
      return least === undefined ? [] : [bar(g, least, true)]
    }),
  ]
}

const panel = (group: Group, bars: readonly Bar[]): Panel => {
  const known = new Set(bars.map((b) => b.workload))
  const names = workloads.map((w) => shortOf(w.id)).filter((name) => known.has(name))
  return {
    title: titles[group],
    note: 'time over ours, logarithmic; the line is ours',
    options: {
      marginLeft: 132,
      marginBottom: 30,
      x: { type: 'log', label: null, grid: true, tickFormat: (d: number) => `${d}×` },
      y: { type: 'band', domain: names, label: null, padding: 0.35 },
      marks: [
        Plot.ruleX([1], { stroke: '#222' }),
        Plot.dot(bars, {
          x: 'ratio',
          y: 'workload',
          fill: (b: Bar) => colours[b.peer] ?? '#555',
          r: 4,
          symbol: (b: Bar) => (b.orMore ? 'triangle' : 'circle'),
        }),
      ],
    },
  }
}

/** The sheet of these results. */
export const plotSheet = (results: Results): Sheet => {
  const groups = (Object.keys(titles) as Group[]).filter((g) => barsOf(results, g).length > 0)
  return {
    heading: 'diffold beside its peers',
    lines: [
      'Right of the line the peer takes longer. Blue: TensorFlow.js op by op; orange: jax-js; green: onnxruntime-web; pink: onnxruntime-node; amber: Python diffusers on torch.',
      'A triangle is a peer that was cut off: it takes longer still. Short names are kernels alone, W1 to W3 steps of diffusion.',
    ],
    columns: Math.min(2, Math.max(1, groups.length)),
    size: [520, 320],
    panels: groups.map((g) => panel(g, barsOf(results, g))),
  }
}
