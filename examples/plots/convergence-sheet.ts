/** The picture of convergence: error against calls of the model, a panel for every order that is claimed. */
import * as Plot from '@observablehq/plot'
import { decades, palette, superscript, type Panel, type Sheet } from './sheet.ts'
import type { Curve } from './subjects.ts'

/** Which curves a panel shows, and the slopes to compare them with. */
type Group = {
  readonly title: string
  readonly note: string
  readonly slopes: readonly number[]
  readonly has: (curve: Curve) => boolean
}

const groups: readonly Group[] = [
  { title: 'Order 1', note: 'one call a step', slopes: [1], has: (c) => !c.sde && c.order === 1 },
  { title: 'Order 2', note: 'two calls a step', slopes: [2], has: (c) => !c.sde && c.order === 2 && c.block === 2 },
  { title: 'Order 2', note: 'one call a step', slopes: [2], has: (c) => !c.sde && c.order === 2 && c.block === 1 },
  {
    title: 'Order 3',
    note: 'and what their start-up leaves of it',
    slopes: [2, 3],
    has: (c) => !c.sde && c.order === 3,
  },
  {
    title: 'Order 4',
    note: 'and what their start-up leaves of it',
    slopes: [2, 4],
    has: (c) => !c.sde && c.order === 4,
  },
  { title: 'Along the SDE', note: 'error of the samples’ deviation', slopes: [1, 2], has: (c) => c.sde },
]

/** Curves that lie on each other within the width of a line are one, under all their names. */
const merged = (curves: readonly Curve[]): readonly { readonly names: readonly string[]; readonly curve: Curve }[] => {
  const out: { names: string[]; curve: Curve }[] = []
  for (const curve of curves) {
    const same = out.find(
      ({ curve: c }) =>
        c.points.length === curve.points.length &&
        c.points.every(
          (p, i) => Math.abs(Math.log(p.error / curve.points[i]!.error)) < 0.08 && p.calls === curve.points[i]!.calls,
        ),
    )
    if (same === undefined) out.push({ names: [curve.name], curve })
    else same.names.push(curve.name)
  }
  return out
}

/** Places for lines of text, near where they would like to be and not upon each other. Positions grow downward. */
const apart = (wanted: readonly number[], gap: number, most: number): readonly number[] => {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]!)
  const at = [...wanted]
  for (let round = 0; round < 200; round++)
    for (let k = 1; k < order.length; k++) {
      const [a, b] = [order[k - 1]!, order[k]!]
      const overlap = gap - (at[b]! - at[a]!)
      if (overlap <= 0) continue
      at[a] = at[a]! - overlap / 2
      at[b] = Math.min(at[b]! + overlap / 2, most)
    }
  return at
}

const size = [430, 320] as const
const margin = { marginLeft: 42, marginRight: 172, marginTop: 8, marginBottom: 34 }
const inner = size[1] - margin.marginTop - margin.marginBottom

const panelOf = ({ title, note, slopes, has }: Group, curves: readonly Curve[]): Panel => {
  const lines = merged(curves.filter(has))
  const errors = lines.flatMap(({ curve }) => curve.points.map((p) => p.error))
  const domain = [Math.min(...errors) / 1.6, Math.max(...errors) * 1.6] as const
  const [low, high] = domain.map(Math.log) as [number, number]
  const place = (error: number): number => ((high - Math.log(error)) / (high - low)) * inner
  const names = lines.flatMap(({ names, curve }, i) =>
    names.map((name, j) => ({
      name: names.length > 1 && j > 0 ? `= ${name}` : name,
      colour: palette[i % palette.length]!,
      end: curve.points.at(-1)!,
    })),
  )
  const dy = apart(
    names.map(({ end }) => place(end.error)),
    11.5,
    inner,
  ).map((y, i) => y - place(names[i]!.end.error))
  const start = Math.max(...errors)
  const slope = (p: number, calls: readonly number[]) =>
    calls.map((n) => ({ calls: n, error: start * (n / 8) ** -p })).filter(({ error }) => error > domain[0])
  return {
    title,
    note,
    options: {
      ...margin,
      x: {
        type: 'log',
        base: 2,
        domain: [7.4, 270],
        ticks: [8, 16, 32, 64, 128, 256],
        tickFormat: 'd',
        tickSize: 0,
        label: null,
      },
      y: decades(domain),
      marks: [
        ...slopes.flatMap((p) => [
          Plot.line(slope(p, [8, 16, 32, 64, 128, 256]), {
            x: 'calls',
            y: 'error',
            stroke: '#999',
            strokeDasharray: '3,3',
          }),
          Plot.text(slope(p, [90]), {
            x: 'calls',
            y: 'error',
            text: () => `n${superscript(-p)}`,
            fill: '#777',
            dx: 12,
            dy: -8,
          }),
        ]),
        ...lines.map(({ curve }, i) =>
          Plot.line([...curve.points], {
            x: 'calls',
            y: 'error',
            stroke: palette[i % palette.length]!,
            strokeWidth: 1.6,
            marker: 'dot',
          }),
        ),
        ...names.map(({ name, colour, end }, i) =>
          Plot.text([end], {
            x: 'calls',
            y: 'error',
            text: () => name,
            textAnchor: 'start',
            dx: 9,
            dy: dy[i]!,
            fill: colour,
            fontWeight: 600,
          }),
        ),
      ],
    },
  }
}

/** The sheet of these curves. */
export const convergenceSheet = (curves: readonly Curve[]): Sheet => ({
  heading: 'Error against calls of the model, on Gaussian data',
  lines: [
    'Vertical: relative error of the sample at the last level (along an SDE, of the samples’ standard deviation), in float64,',
    'root mean square over data of deviation 0.3, 0.7, 1 and 2. Horizontal: calls of the model. Levels evenly spaced in ln σ',
    'where a family can have them. Dashed: n⁻ᵖ of the orders p that the panel is about. “order” is solver_order.',
  ],
  columns: 2,
  size,
  panels: groups.map((g) => panelOf(g, curves)),
})
