/** The report as text. */
import type { Roof } from '../roofs/roof.ts'
import type { Group } from '../runners.ts'
import { leastRatio, type Gap, type Row } from './rows.ts'

/** Groups in words. */
export const groups: Readonly<Record<Group, string>> = {
  cpu1: 'one thread',
  cpu2: 'two threads',
  gpu: 'WebGPU in Node',
  browser: 'WebGPU in a browser',
}

/** Lines of cells, set in columns; the first is set left, the others right. */
export const columns = (lines: readonly (readonly string[])[]): string => {
  const widths = lines.reduce<number[]>((w, line) => line.map((cell, i) => Math.max(w[i] ?? 0, cell.length)), [])
  return lines
    .map((line) => line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '))
    .map((line) => line.trimEnd())
    .join('\n')
}

/** Three figures, or as many as are before the point. */
export const figures = (x: number): string =>
  x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 1 ? x.toFixed(2) : x.toPrecision(2)

const apart = (row: Row): string => (row.right ? row.apart.toExponential(0) : `WRONG ${row.apart.toExponential(1)}`)

const head = ['', 'least ms', 'median', 'ratio', 'GFLOP/s', 'of roof', 'apart', 'first ms']

const line = (row: Row, roofs: readonly Roof[]): string[] => {
  const roof = roofs.find((r) => r.group === row.group && r.of === row.peer)
  const rate = row.gflops === undefined ? '' : figures(row.gflops)
  const part =
    roof === undefined || row.gflops === undefined || !/^K\.(?!small)/.test(row.workload)
      ? ''
      : `${((100 * row.gflops) / roof.gflops).toFixed(0)} %`
  return [
    `  ${row.peer}`,
    row.right ? figures(row.least) : '–',
    row.right ? figures(row.middle) + (row.count === 0 ? '*' : '') : '–',
    row.ratio === undefined ? '' : row.ratio.toFixed(2),
    row.right ? rate : '',
    row.right ? part : '',
    apart(row),
    figures(row.first),
  ]
}

/** A peer that was cut off: how long it took at least. */
const lineOver = (rows: readonly Row[], gap: Gap): string[] => {
  const ratio = leastRatio(rows, gap)
  const least = ratio === undefined ? '' : `> ${ratio.toFixed(2)}`
  return [`  ${gap.peer}`, `over ${gap.over} s`, '–', least, '', '', '', `> ${1000 * gap.over!}`]
}

/** Times and ratios, a block a group and workload. */
export const timesTable = (rows: readonly Row[], roofs: readonly Roof[], gaps: readonly Gap[] = []): string =>
  (Object.keys(groups) as Group[])
    .filter((group) => rows.some((r) => r.group === group))
    .map((group) => {
      const own = rows.filter((r) => r.group === group)
      const cut = gaps.filter((g) => g.group === group && g.over !== undefined)
      const names = [...new Set([...own, ...cut].map((r) => r.workload))]
      const lines = names.flatMap((name) => {
        const some = own.filter((r) => r.workload === name)
        const long = cut.filter((g) => g.workload === name)
        return [
          [`${name}: ${(some[0] ?? long[0]!).title}`, ...head.slice(1).map(() => '')],
          ...some.map((r) => line(r, roofs)),
          ...long.map((g) => lineOver(rows, g)),
        ]
      })
      return `${groups[group]}\n${columns([head, ...lines])}`
    })
    .join('\n\n')

/** What our programs are made of. */
export const factsTable = (rows: readonly Row[]): string => {
  // The program is the same with any number of threads.
  const known = rows.filter(
    (r, i) => r.facts !== undefined && rows.findIndex((o) => o.peer === r.peer && o.workload === r.workload) === i,
  )
  if (known.length === 0) return ''
  const mebi = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)
  return columns([
    [
      'programs',
      'dispatches',
      'submits',
      'distinct',
      'arena MiB',
      'bound MiB',
      '×',
      'trace ms',
      'lower ms',
      'first step ms',
      'pipelines',
      'compiled',
      'in ms',
      'each',
    ],
    ...known.map(({ workload, peer, facts: f, first }) => [
      `  ${workload} ${peer}`,
      `${f!.dispatches}`,
      `${f!.submits}`,
      `${f!.distinct}`,
      mebi(f!.arenaBytes),
      mebi(f!.boundBytes),
      f!.boundBytes === 0 ? '' : (f!.arenaBytes / f!.boundBytes).toFixed(2),
      f!.traceMs.toFixed(0),
      f!.lowerMs.toFixed(0),
      first.toFixed(0),
      `${f!.pipelines}`,
      `${f!.compiled.count}`,
      f!.compiled.ms.toFixed(0),
      f!.compiled.count === 0 ? '' : (f!.compiled.ms / f!.compiled.count).toFixed(0),
    ]),
  ])
}

/** What the machine can do at most. */
export const roofsTable = (roofs: readonly Roof[]): string =>
  columns([
    ['roofs', 'GFLOP/s', 'copy GB/s'],
    ...roofs.map((r) => [`  ${r.of}, ${groups[r.group]}: ${r.description}`, figures(r.gflops), figures(r.copy)]),
  ])

/** Who was not measured. */
export const gapsTable = (gaps: readonly Gap[]): string => {
  const byReason = new Map<string, string[]>()
  for (const { name, why, workload } of gaps) {
    const key = `${name}: ${why}`
    byReason.set(key, [...(byReason.get(key) ?? []), workload])
  }
  return [...byReason].map(([key, ids]) => `not measured: ${key} (${ids.join(', ')})`).join('\n')
}

/** Which versions the peers are of, and what they run on. */
export const peersTable = (rows: readonly Row[]): string => {
  const told = new Map<string, Set<string>>()
  for (const { ours, peer, description } of rows)
    if (!ours) told.set(peer, (told.get(peer) ?? new Set()).add(description.replace(`${peer}, `, '')))
  return columns([['peers'], ...[...told].map(([peer, words]) => [`  ${peer}: ${[...words].join('; ')}`])])
}
