/**
 * `npm run bench`: every workload on every backend of ours and every peer that is there, in one run, as ratios beside roofs; each
 * output compared. `--help` says what can be asked for; docs/bench.md how to read what comes out.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { files, writeFiles } from './files.ts'
import { flopsOf } from './flops.ts'
import { installPeers } from './install.ts'
import { measure } from './measure.ts'
import { options } from './options.ts'
import { rowsOf, type Gap, type Row } from './report/rows.ts'
import { factsTable, gapsTable, roofsTable, timesTable } from './report/table.ts'
import type { Roof } from './roofs/roof.ts'
import { wasmRoof } from './roofs/wasm.ts'
import type { Group, Runner, Settings } from './runners.ts'
import type { Extent } from './workloads/work.ts'
import { trace } from 'diffold'
import type { Workload } from './workloads/catalogue.ts'

const asked = options(process.argv.slice(2))
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
  until: started + asked.minutes * 60_000,
  say,
}
const groups = [...new Set(asked.runners.map((r) => r.group))]

// A software adapter takes seconds over one link.
const extentOf =
  (workload: Workload) =>
  ({ group }: Runner): Extent => ({
    steps: asked.steps ?? (group.startsWith('cpu') ? workload.steps : Math.min(workload.steps, 2)),
    chained: group.startsWith('cpu'),
  })

const roofFor = async (group: Group): Promise<readonly Roof[]> =>
  group === 'cpu1' ? [await wasmRoof(1)] : group === 'cpu2' ? [await wasmRoof(2)] : []

const roofs: Roof[] = []
for (const group of groups) roofs.push(...(await roofFor(group)))

const rows: Row[] = []
const gaps: Gap[] = []
for (const workload of asked.workloads) {
  // Groups after each other, since threads of one disturb the other's; within a group all in turn.
  const outcomes = []
  for (const group of groups)
    outcomes.push(
      ...(await measure(
        workload,
        asked.runners.filter((r) => r.group === group),
        extentOf(workload),
        settings,
        effort,
      )),
    )
  const one = await workload.make(files(cache), { steps: 1, chained: false })
  const flops = flopsOf(trace(one.step, [one.start, one.inputs[0], one.given]).graph)
  const links = (group: Group): number => (group.startsWith('cpu') ? (workload.kernel?.links ?? 1) : 1)
  const told = rowsOf(outcomes, flops, (m) => links(m.runner.group))
  rows.push(...told.rows)
  gaps.push(...told.gaps)
}

const text = [roofsTable(roofs), timesTable(rows, roofs), factsTable(rows), gapsTable(gaps)]
process.stdout.write(`${text.filter((t) => t !== '').join('\n\n')}\n`)
await mkdir(asked.out, { recursive: true })
await writeFile(join(asked.out, 'results.json'), `${JSON.stringify({ roofs, rows, gaps }, undefined, 2)}\n`)
say(`results.json is in ${asked.out}`)
process.exit(0)
