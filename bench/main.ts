/**
 * `npm run bench`: every workload on every backend of ours and every peer that is there, in one run, as ratios beside roofs; each
 * output compared. `--help` says what can be asked for; docs/bench.md how to read what comes out.
 */
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { files, writeFiles } from './files.ts'
import { flopsOf } from './flops.ts'
import { installPeers } from './install.ts'
import { measure, type Measured } from './measure.ts'
import { diffoldPeer } from './peers/diffold.ts'
import { coldStarts, type Cold } from './cold.ts'
import { svgOf } from '../examples/plots/sheet.ts'
import { trace } from 'diffold'
import { options, type Options } from './options.ts'
import { keyOf, referencesOf, rowsOf, type Gap, type Row } from './report/rows.ts'
import { merged, parsed, written, type Results } from './report/results.ts'
import { factsTable, gapsTable, peersTable, roofsTable, timesTable } from './report/table.ts'
import { coldTable } from './report/cold-table.ts'
import { goalsTable } from './report/goals.ts'
import { overheadTable } from './report/overhead.ts'
import { plotSheet } from './report/plot.ts'
import { highest } from './roofs/roof.ts'
import { roofsFor } from './roofs/roofs.ts'
import type { Runner, Settings } from './runners.ts'
import type { Extent } from './workloads/work.ts'
import type { Workload } from './workloads/catalogue.ts'

const understood = (): Options | undefined => {
  try {
    return options(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(
      `bench: ${error instanceof Error ? error.message : String(error)}; --help lists what there is\n`,
    )
    process.exit(1)
  }
}
const asked = understood()
if (asked === undefined) process.exit(0)
const started = Date.now()
const say = (text: string): void =>
  void process.stderr.write(`[${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s] ${text}\n`)

const cache = fileURLToPath(new URL('../node_modules/.cache/diffold/bench', import.meta.url))
installPeers(say)
await mkdir(cache, { recursive: true })
await writeFiles(cache, asked.workloads)

const settings: Settings = { cache, python: asked.python, env: {} }
const effort = {
  repeats: asked.repeats,
  seconds: asked.seconds,
  limit: asked.limit,
  until: started + asked.minutes * 60_000,
  say,
}
const groups = [...new Set(asked.runners.map((r) => r.group))]

// A software adapter takes seconds over one link.
const extentOf =
  (workload: Workload) =>
  ({ group }: Runner): Extent => ({
    steps: asked.steps ?? (group.startsWith('cpu') ? workload.steps : workload.stepsOnGpu),
    chained: group.startsWith('cpu'),
  })

let roofs = await roofsFor(groups, settings, say)
const store = files(cache)

/** What a workload should give, by extent: from the peer that shares least with us, else from ourselves in this process. */
const truths = async (
  workload: Workload,
  measured: readonly Measured[],
): Promise<ReadonlyMap<string, Float32Array>> => {
  const known = new Map([...referencesOf(measured)].map(([key, m]) => [key, m.result]))
  for (const { extent } of measured) {
    if (known.has(keyOf(extent))) continue
    const own = await diffoldPeer('wasm', await workload.make(store, extent))
    await own.repeat()
    known.set(keyOf(extent), own.result())
  }
  return known
}

const flopsIn = async (workload: Workload): Promise<number> => {
  const { step, start, inputs, given, repeats } = await workload.make(store, { steps: 1, chained: false })
  return flopsOf(trace(step, [start, inputs[0], given]).graph) / repeats
}

const file = join(asked.out, 'results.json')
await mkdir(asked.out, { recursive: true })
const before = asked.merge && existsSync(file) ? parsed(await readFile(file, 'utf8')) : undefined
const rows: Row[] = []
const gaps: Gap[] = []
let cold: readonly Cold[] = []

/** Writes down what there is so far: a run that is cut off is not lost. */
const save = async (): Promise<Results> => {
  const fresh: Results = { roofs, rows, cold, gaps }
  const results = before === undefined ? fresh : merged(before, fresh)
  await writeFile(file, written(results))
  await writeFile(join(asked.out, 'results.svg'), svgOf(plotSheet(results)))
  return results
}

for (const workload of asked.workloads) {
  const outcomes = []
  // Groups after each other, since threads of one disturb the other's; within a group all in turn.
  for (const group of groups) {
    const some = asked.runners.filter((r) => r.group === group)
    outcomes.push(...(await measure(workload, some, extentOf(workload), settings, effort)))
  }
  const measured = outcomes.filter((o): o is Measured => 'result' in o)
  const told = rowsOf(outcomes, await flopsIn(workload), await truths(workload, measured))
  rows.push(...told.rows)
  gaps.push(...told.gaps)
  await save()
}
if (asked.cold) {
  const threads = asked.runners.filter((r) => r.group.startsWith('cpu')).map((r) => r.threads)
  cold = coldStarts(settings, [...new Set(threads)], say)
}

// Once more: somebody else may have used the machine the first time.
if (Date.now() < effort.until) roofs = highest(roofs, await roofsFor(groups, settings, say))

const results = await save()
const text = [
  peersTable(results.rows),
  roofsTable(results.roofs),
  timesTable(results.rows, results.roofs, results.gaps),
  overheadTable(results.rows),
  factsTable(results.rows),
  coldTable(results.cold),
  goalsTable(results),
  gapsTable(results.gaps),
]
process.stdout.write(`${text.filter((t) => t !== '').join('\n\n')}\n`)
say(`results.json is in ${asked.out}`)
process.exit(0)
