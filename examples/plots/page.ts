/** The parts of docs/schedulers.md that are numbers of the program: measured orders, and the defaults of every config. */
import { families, type SchedulerName } from '../../src/schedulers/by-name.ts'
import { fieldsOf, type FieldsCodec } from '../../src/schedulers/config.ts'
import { superscript } from './sheet.ts'
import type { Curve } from './subjects.ts'

/** log₂ of the fall of the error as the calls double, over the last doubling. */
export const measuredOrder = ({ points }: Curve): number => {
  const [before, last] = points.slice(-2) as [Curve['points'][number], Curve['points'][number]]
  return Math.log(before.error / last.error) / Math.log(last.calls / before.calls)
}

/** The error at a number of calls, or the nearest that a method has, to two digits. */
const errorAt = ({ points }: Curve, calls: number): string => {
  const [digits, power] = points
    .find((p) => Math.abs(p.calls - calls) <= 2)!
    .error.toExponential(1)
    .split('e')
  return `${digits}·10${superscript(Number(power))}`
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')

/** A row for every curve: what it claims, what is measured, and what that costs. */
export const ordersTable = (curves: readonly Curve[]): string =>
  table(
    ['method', 'along', 'order claimed', 'order measured', 'error at 16 calls', 'at 64', 'at 256'],
    curves.map((c) => [
      c.name.replace(/^(\w+)/, '`$1`'),
      c.sde ? 'SDE' : 'ODE',
      c.order === undefined ? '–' : `${c.order}`,
      measuredOrder(c).toFixed(2),
      ...[16, 64, 256].map((calls) => errorAt(c, calls)),
    ]),
  )

const shown = (value: unknown): string =>
  value === -Infinity ? '−∞' : typeof value === 'string' ? `'${value}'` : JSON.stringify(value)

/** The fields of a family's config with their defaults, in the order of its codec. */
export const fieldsLine = (family: SchedulerName): string => {
  // Codecs of families differ in their types, which are not looked into here.
  const codec = families[family].fields as unknown as FieldsCodec<Readonly<Record<string, unknown>>>
  const defaults = fieldsOf(codec, {})
  return Object.keys(codec.props)
    .map((name) => `\`${name}\` ${shown(defaults[name])}`)
    .join(' · ')
}

/** The text between `<!-- name -->` and `<!-- /name -->`, put in for what is there. Throws where the page has no such place. */
const put = (page: string, name: string, text: string): string => {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [from, to] = [page.indexOf(open), page.indexOf(close)]
  if (from === -1 || to < from) throw new Error(`docs/schedulers.md has no place for ${name}: ${open} … ${close}`)
  return `${page.slice(0, from + open.length)}\n\n${text}\n\n${page.slice(to)}`
}

/** The page with its numbers. */
export const pageWith = (page: string, curves: readonly Curve[]): string =>
  (Object.keys(families) as SchedulerName[])
    .filter((family) => page.includes(`<!-- fields ${family} -->`))
    .reduce(
      (text, family) => put(text, `fields ${family}`, `**Config** ${fieldsLine(family)}`),
      put(page, 'orders', ordersTable(curves)),
    )
