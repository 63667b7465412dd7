/** An explanation as text: as little as tells the story, and more where it is asked for. */
import type { KernelReport, ProgramReport, Slot } from './explanation.ts'

/** How much is told. */
export type TellOptions = {
  /** The whole graph or program after every pass that changed it. */
  readonly stages?: boolean
  /** Of every kernel: the nodes that it computes, and where its operands lie. */
  readonly slots?: boolean
  /** The code of the kernels, each distinct one once. */
  readonly code?: boolean
}

/** 12.3 k, 4.56 M. */
const figure = (x: number): string => {
  const [unit, scale] = x < 1e3 ? ['', 1] : x < 1e6 ? ['k', 1e3] : x < 1e9 ? ['M', 1e6] : ['G', 1e9]
  const y = x / Number(scale)
  return `${scale === 1 ? y : y.toFixed(y < 10 ? 2 : y < 100 ? 1 : 0)} ${unit}`
}
const bytes = (x: number): string => `${figure(x)}B`

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

/** Columns, as wide as they must be. Numbers stand to the right. */
const table = (rows: readonly (readonly string[])[], right: ReadonlySet<number>): string[] => {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((r) => r[i]!.length))) ?? []
  return rows.map((r) =>
    r
      .map((cell, i) => (right.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}

const longest = 72
const shortened = (text: string): string => (text.length > longest ? `${text.slice(0, longest - 1)}…` : text)

const kinds = 6

/** A line for every pass that did something. */
const passLines = ({ passes }: ProgramReport, nodes: number): string[] =>
  table(
    [
      ['trace', counted(nodes, 'node'), ''],
      ...passes
        .filter((p) => p.changed && (p.before !== p.after || p.kinds.length > 0))
        .map((p) => {
          const more = p.kinds.length > kinds ? ', …' : ''
          const from = p.pass === 'fuse' ? counted(p.before, 'node') : `${p.before}`
          return [p.pass, `${from} → ${counted(p.after, p.of)}`, p.kinds.slice(0, kinds).join(', ') + more]
        }),
    ],
    new Set(),
  )

const place = ({ name, place: where, offset, bytes: count, parameters }: Slot): string => {
  const made = where === 'kept' && parameters.length > 0 ? ` of ${parameters.join(', ')}` : ''
  return `${name} (${offset === undefined ? where + made : `arena + ${offset}`}, ${bytes(count)})`
}

const details = (k: KernelReport): string[] => [
  ...(k.computes.length === 0 ? [] : [`computes ${k.computes.map(({ name, op }) => `${name}: ${op}`).join(', ')}`]),
  `writes ${k.results.map(place).join(', ')}`,
  ...(k.reads.length === 0 ? [] : [`reads ${k.reads.map(place).join(', ')}`]),
]

const totals = (kernels: readonly KernelReport[]): string => {
  const sum = (what: 'flops' | 'read' | 'written'): number => kernels.reduce((total, k) => total + k[what], 0)
  return `${counted(kernels.length, 'kernel')}: ${figure(sum('flops'))}flop, ${bytes(sum('read'))} read, ${bytes(sum('written'))} written`
}

/** A line for every kernel of a run, and for those that run once if `slots`, each with what it is made of below it. */
const kernelLines = ({ kernels: all }: ProgramReport, slots: boolean): string[] => {
  const [once, every] = (['once', 'every'] as const).map((when) => all.filter((k) => k.when === when))
  const kernels = slots ? all : every!
  const head = ['', '', '', '', 'flop', 'read', 'written']
  const rows = kernels.map((k) => {
    const { index, kind, over, label, flops, read, written } = k
    return [`${index}`, kind, over, shortened(label), figure(flops).trimEnd(), bytes(read), bytes(written)]
  })
  const [first, ...lines] = table([head, ...rows], new Set([0, 4, 5, 6])).map((line) => `  ${line}`)
  const told = (when: KernelReport['when']): string[] =>
    kernels.flatMap((k, i) =>
      k.when === when ? [lines[i]!, ...(slots ? details(k).map((d) => `        ${d}`) : [])] : [],
    )
  const before = once!.length === 0 ? [] : [`once, ${totals(once!)}`, '']
  return [
    ...(slots && once!.length > 0 ? [first!, ...told('once')] : []),
    ...before,
    first!,
    ...told('every'),
    `every run, ${totals(every!)}`,
  ]
}

/** Each distinct code once, under the kernels that it is the code of. */
export const codeText = (kernels: readonly KernelReport[]): string => {
  const users = new Map<string, KernelReport[]>()
  for (const k of kernels) users.set(k.code, [...(users.get(k.code) ?? []), k])
  return [...users]
    .map(([code, own]) => {
      const which = own.map((k) => (k.when === 'once' ? `once ${k.index}` : `${k.index}`)).join(', ')
      return `// ${which}: ${own[0]!.label}\n${code.trimEnd()}`
    })
    .join('\n\n')
}

/** The story of a program. `traced` is the graph that it began with, of so many nodes. */
export const tell = (
  backend: string,
  traced: string,
  nodes: number,
  report: ProgramReport,
  { stages = false, slots = false, code = false }: TellOptions,
): string => {
  const { arena, alive, kept } = report.plan
  const whole = stages
    ? [
        ['trace', traced] as const,
        ...report.passes.filter((p) => p.changed).map((p) => [p.pass, p.listing] as const),
      ].map(([name, text]) => `after ${name}\n${text}\n`)
    : []
  return [
    backend,
    '',
    ...passLines(report, nodes),
    '',
    ...whole,
    ...kernelLines(report, slots),
    `${bytes(arena)} during a run, of which ${bytes(alive)} are alive at once; ${bytes(kept)} kept; ${report.amount}`,
    ...(code ? ['', codeText(report.kernels)] : []),
  ].join('\n')
}
