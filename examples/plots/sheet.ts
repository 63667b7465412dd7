/** Small multiples as one SVG: panels drawn by Observable Plot, set out in columns under a heading. */
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'

/** Okabe & Ito's colours, told apart by everyone, without the yellow that white paper swallows; and a wine red and a grey. */
export const palette = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#882255', '#555555'] as const

/** A panel: its title, a smaller line under it, and what Plot draws. */
export type Panel = { readonly title: string; readonly note: string; readonly options: Plot.PlotOptions }

/** A sheet: a heading, lines under it, panels of one size, and how many stand side by side. */
export type Sheet = {
  readonly heading: string
  readonly lines: readonly string[]
  readonly columns: number
  readonly size: readonly [width: number, height: number]
  readonly panels: readonly Panel[]
}

const ink = '#222'
const faint = '#666'
const { document } = parseHTML('<html><body></body></html>')

const escaped = (s: string): string => s.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const text = (x: number, y: number, size: number, s: string, more = ''): string =>
  `<text x="${x}" y="${y}" font-size="${size}"${more}>${escaped(s)}</text>`

/** What Plot drew, as the inside of an svg element: without its style sheet, numbers to a tenth of a pixel. */
const drawn = (options: Plot.PlotOptions, [width, height]: Sheet['size']): string => {
  const svg = Plot.plot({ ...options, document, width, height, className: 'plot' })
  svg.querySelector('style')?.remove()
  return svg.innerHTML
    .replace(/="[^"]*"/g, (value) => value.replace(/-?\d+\.\d{2,}(e-\d+)?/g, (n) => `${Number(Number(n).toFixed(1))}`))
    .replace(/ (aria-\w+|stroke-line\w+|font-variant|stroke-miterlimit)="[^"]*"/g, '')
    .replaceAll(' />', '/>')
}

/** The dots on lines, each colour's defined once and not by Plot's running number. */
const withDots = (body: string): string => {
  const dots = new Map<string, string>()
  const bare = body.replace(
    /<marker id="([^"]*)"[^>]*fill="([^"]*)"[^>]*>.*?<\/marker>/g,
    (_, id: string, fill: string) => {
      dots.set(id, fill)
      return ''
    },
  )
  const named = bare.replace(
    /marker-end="url\(#([^)]*)\)" marker-mid="[^"]*" marker-start="[^"]*"/g,
    (_, id: string) => `style="marker:url(${idOf(dots.get(id)!)})"`,
  )
  const defined = [...new Set(dots.values())].map(
    (fill) =>
      `<marker id="${idOf(fill).slice(1)}" fill="${fill}" stroke="none" markerWidth="6.7" markerHeight="6.7" viewBox="-5 -5 10 10"><circle r="2.5"/></marker>`,
  )
  return `<defs>${defined.join('')}</defs>\n${named}`
}
const idOf = (fill: string): string => `#dot-${fill.slice(1)}`

/** The sheet as the text of an SVG file. */
export const svgOf = ({ heading, lines, columns, size, panels }: Sheet): string => {
  const [width, height] = size
  const top = 44 + 16 * lines.length
  const band = 34
  const rows = Math.ceil(panels.length / columns)
  const whole = [columns * width + 24, top + rows * (height + band) + 12] as const
  const each = panels.map(({ title, note, options }, i) => {
    const [x, y] = [12 + (i % columns) * width, top + Math.floor(i / columns) * (height + band)]
    return [
      `<g transform="translate(${x},${y})">`,
      text(8, 14, 12, title, ' font-weight="600"'),
      ...(note === '' ? [] : [text(8, 28, 10, note, ` fill="${faint}"`)]),
      `<g transform="translate(0,${band - 8})" font-size="10" text-anchor="middle">${drawn(options, size)}</g>`,
      '</g>',
    ].join('')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole[0]} ${whole[1]}" width="${whole[0]}" height="${whole[1]}" font-family="system-ui, sans-serif" fill="${ink}" color="${ink}">`,
    `<title>${escaped(heading)}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    text(20, 28, 17, heading, ' font-weight="600"'),
    ...lines.map((line, i) => text(20, 48 + 16 * i, 12, line, ` fill="${faint}"`)),
    withDots(each.join('\n')),
    '</svg>',
    '',
  ].join('\n')
}

/** A whole number as an exponent. */
export const superscript = (n: number): string => [...`${n}`].map((c) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(c)] ?? '⁻').join('')

/** A logarithmic axis: its powers of ten, and their names, 0.01 to 100 in digits. */
export const decades = ([low, high]: readonly [number, number]) => {
  const first = Math.ceil(Math.log10(low) - 1e-9)
  const count = Math.floor(Math.log10(high) + 1e-9) - first + 1
  const powers = Array.from({ length: count }, (_, i) => first + i)
  // As many as can be told apart: every one, or every second, third …
  const stride = Math.ceil(count / 4)
  const shown = powers.filter((p) => p % stride === 0)
  const name = (v: number): string => {
    const power = Math.round(Math.log10(v))
    return power >= -2 && power <= 2 ? `${Number(v.toPrecision(1))}` : `10${superscript(power)}`
  }
  return {
    type: 'log',
    domain: [low, high],
    ticks: shown.map((p) => Number(`1e${p}`)),
    tickFormat: name,
    tickSize: 0,
    grid: true,
    label: null,
  } as const
}
