/** The picture of the grids: the noise of every family, call by call. */
import * as Plot from '@observablehq/plot'
import type { GridPanel } from './grids.ts'
import { decades, palette, type Panel, type Sheet } from './sheet.ts'

/** Where next to nothing is left of the signal, the ratio is no number to draw: it is shown at the edge. */
const isShown = (ratio: number): boolean => ratio > 0 && ratio < 2e4

/** As many names as fit a title, and the rest. */
const titled = (names: readonly string[]): readonly [title: string, note: string] => {
  const fits = names.findLastIndex((_, i) => names.slice(0, i + 1).join(', ').length <= 36) + 1
  return [names.slice(0, fits).join(', '), names.slice(fits).join(', ')]
}

const panelOf = ({ families, grids, rises = false }: GridPanel): Panel => {
  const points = grids.map(({ ratios }) => ratios.map((r, i) => ({ call: i + 1, ratio: Math.abs(r) })))
  const all = points.flat().flatMap(({ ratio }) => (isShown(ratio) ? [ratio] : []))
  const [least, most] = [Math.min(...all), Math.max(...all)]
  // Room above for the names, which stand where curves seldom go.
  const domain = [least / 1.5, most * (most / least) ** (0.04 + 0.05 * grids.length)] as const
  const longest = Math.max(...points.map((p) => p.length))
  const stride = longest > 40 ? 10 : longest > 10 ? 5 : 1
  const [title, note] = titled(families)
  return {
    title,
    note,
    options: {
      marginLeft: 40,
      marginBottom: 28,
      marginTop: 10,
      marginRight: 14,
      x: {
        label: null,
        domain: [1, longest],
        ticks: [1, ...Array.from({ length: longest }, (_, i) => i + 1).filter((i) => i > 1 && i % stride === 0)],
        tickFormat: 'd',
        tickSize: 0,
      },
      y: decades(domain),
      marks: [
        ...points.flatMap((data, g) => {
          const colour = palette[g]!
          const shown = data.filter(({ ratio }) => isShown(ratio))
          const [noise, clean] = [data.filter(({ ratio }) => ratio >= 2e4), data.filter(({ ratio }) => ratio === 0)]
          const marker = shown.length > 20 ? {} : ({ marker: 'dot' } as const)
          return [
            Plot.lineY(shown, { x: 'call', y: 'ratio', stroke: colour, strokeWidth: 1.4, ...marker }),
            Plot.text(noise, { x: 'call', frameAnchor: 'top', text: () => '▲', fill: colour, dx: 6 * g, dy: -6 }),
            Plot.text(clean, { x: 'call', frameAnchor: 'bottom', text: () => '▼', fill: colour, dx: 8 * g, dy: 4 }),
          ]
        }),
        ...grids.map(({ label }, g) =>
          Plot.text([label], {
            text: (s: string) => s,
            frameAnchor: rises ? 'top-left' : 'top-right',
            dx: rises ? 14 : -2,
            dy: -4 + 12 * g,
            fill: palette[g]!,
            fontWeight: 600,
            stroke: '#fff',
            strokeWidth: 3,
          }),
        ),
      ],
    },
  }
}

/** The sheet of these panels. */
export const gridsSheet = (panels: readonly GridPanel[]): Sheet => ({
  heading: 'Noise levels of every scheduler family',
  lines: [
    'Vertical: σ/α, the noise of a sample over its signal, on a log scale of its own in each panel. Horizontal: calls of the model.',
    '20 steps unless said otherwise; default configs, but for the β of Stable Diffusion where a family has β.',
    '▲ starts from pure noise, σ/α = ∞.   ▼ starts from the clean sample, σ/α = 0.',
  ],
  columns: 3,
  size: [285, 185],
  panels: panels.map(panelOf),
})
