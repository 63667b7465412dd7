/** A workload on all its peers: every one warmed up, then all in turn, so that a slow minute is everybody's. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from './compare.ts'
import { nameOf, type Runner, type Settings } from './runners.ts'
import { limited, type Session } from './session.ts'
import type { Workload } from './workloads/catalogue.ts'
import type { Extent } from './workloads/work.ts'
import type { Facts } from './facts.ts'

/** What a peer did: times in milliseconds a step, and what came out; or why not. */
export type Measured = {
  readonly runner: Runner
  readonly workload: Workload
  readonly extent: Extent
  readonly description: string
  /** The first step, with whatever is done once. */
  readonly first: number
  readonly least: number
  readonly middle: number
  /** Steps timed after the first fold; 0: the first fold alone. */
  readonly count: number
  readonly result: Float32Array
  readonly facts: Facts | undefined
}
export type Missing = { readonly runner: Runner; readonly workload: Workload; readonly why: string }

/** How long to measure. */
export type Effort = {
  readonly repeats: number
  /** Seconds of measuring for each peer, more or less. */
  readonly seconds: number
  /** When the whole run should be over, as `Date.now()` counts. */
  readonly until: number
  readonly say: (text: string) => void
}

type Running = {
  readonly runner: Runner
  readonly extent: Extent
  readonly session: Session
  readonly description: string
  readonly first: readonly number[]
  readonly times: number[]
  spent: number
}

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0)
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 160)

/** Starts a peer and runs its first fold. */
const warmed = async (
  runner: Runner,
  workload: Workload,
  extent: Extent,
  settings: Settings,
  effort: Effort,
): Promise<Running> => {
  if (Date.now() > effort.until) throw new Error('the time of the whole run is over')
  const session = limited(await runner.start(workload, extent, settings), 60 + 10 * effort.seconds)
  try {
    const description = (await session.ask({ do: 'prepare' })) as string
    const first = (await session.ask({ do: 'repeat' })) as number[]
    return { runner, extent, session, description, first, times: [], spent: sum(first) / 1000 }
  } catch (error) {
    await session.stop()
    throw error
  }
}

const finished = async (r: Running, workload: Workload, folder: string): Promise<Measured> => {
  const path = join(folder, `${nameOf(r.runner).replaceAll(/\W/g, '-')}.f32`)
  await r.session.ask({ do: 'result', path })
  const result = new Float32Array(new Uint8Array(await readFile(path)).buffer)
  const facts = r.runner.ours ? ((await r.session.ask({ do: 'facts' })) as Facts) : undefined
  const times = r.times.length > 0 ? r.times : r.first.length > 1 ? r.first.slice(1) : r.first
  return {
    runner: r.runner,
    workload,
    extent: r.extent,
    description: r.description,
    first: r.first[0]!,
    least: Math.min(...times),
    middle: median(times),
    count: r.times.length,
    result,
    facts,
  }
}

/** The workload on each of these, which all live until the last is done. */
export const measure = async (
  workload: Workload,
  runners: readonly Runner[],
  extentFor: (runner: Runner) => Extent,
  settings: Settings,
  effort: Effort,
): Promise<readonly (Measured | Missing)[]> => {
  const out: (Measured | Missing)[] = []
  const running: Running[] = []
  const folder = await mkdtemp(join(tmpdir(), 'diffold-bench-'))
  try {
    for (const runner of runners) {
      const cannot = runner.cannot(workload)
      try {
        if (cannot !== undefined) throw new Error(cannot)
        effort.say(`${workload.id}: ${nameOf(runner)} starts`)
        running.push(await warmed(runner, workload, extentFor(runner), settings, effort))
      } catch (error) {
        out.push({ runner, workload, why: reason(error) })
        effort.say(`${workload.id}: ${nameOf(runner)} is not measured: ${reason(error)}`)
      }
    }
    for (let round = 0; round < effort.repeats; round++)
      for (const r of running) {
        const once = r.spent / (round + 1)
        if (r.spent + once > effort.seconds || Date.now() > effort.until) continue
        effort.say(`${workload.id}: round ${round + 1} of ${effort.repeats}, ${nameOf(r.runner)}`)
        const times = (await r.session.ask({ do: 'repeat' }).catch(() => [])) as number[]
        r.times.push(...times)
        r.spent += sum(times) / 1000
      }
    for (const r of running)
      out.push(
        await finished(r, workload, folder).catch((error: unknown): Missing => ({
          runner: r.runner,
          workload,
          why: reason(error),
        })),
      )
  } finally {
    for (const r of running) await r.session.stop()
    await rm(folder, { recursive: true, force: true })
  }
  return out
}
