/** A workload on all its peers: every one warmed up, then all in turn, so that a slow minute is everybody's. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from './compare.ts'
import { nameOf, type Runner, type Settings } from './runners.ts'
import { limited, Overtime, type Session } from './session.ts'
import type { Workload } from './workloads/catalogue.ts'
import type { Extent } from './workloads/work.ts'
import type { Facts } from './facts.ts'

/** What a peer did: times in milliseconds a step, and what came out; or why not. */
export type Measured = {
  readonly runner: Runner
  readonly workload: Workload
  readonly extent: Extent
  readonly description: string
  /** The first step, with whatever is done once; and the whole first fold. */
  readonly first: number
  readonly firstFold: number
  readonly least: number
  readonly middle: number
  /** Steps timed after the first fold; 0: the first fold alone. */
  readonly count: number
  readonly result: Float32Array
  readonly facts: Facts | undefined
}
export type Missing = {
  readonly runner: Runner
  readonly workload: Workload
  readonly why: string
  /** Its first fold had not ended after so many seconds. */
  readonly over?: number
}

/** How long to measure. */
export type Effort = {
  readonly repeats: number
  /** Seconds of measuring for each peer once it is warm, more or less. */
  readonly seconds: number
  /** Seconds for any one answer of a peer. */
  readonly limit: number
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
  /** Milliseconds of folds after the first, and those of the last. */
  spent: number
  round: number
  failed: unknown
}

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0)
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 160)
const missing = (runner: Runner, workload: Workload, error: unknown): Missing => ({
  runner,
  workload,
  why: reason(error),
  ...(error instanceof Overtime && error.what === 'repeat' ? { over: error.seconds } : {}),
})

/** Starts a peer and runs its first fold. */
const warmed = async (
  runner: Runner,
  workload: Workload,
  extent: Extent,
  settings: Settings,
  effort: Effort,
): Promise<Running> => {
  if (Date.now() > effort.until) throw new Error('the time of the whole run is over')
  const session = limited(await runner.start(workload, extent, settings), effort.limit)
  try {
    const description = (await session.ask({ do: 'prepare' })) as string
    const first = (await session.ask({ do: 'repeat' })) as number[]
    // The first step is no measure of the others, but where there is no other.
    const warm = first.length > 1 ? first.slice(1) : first
    const round = (sum(warm) / warm.length) * first.length
    return { runner, extent, session, description, first, times: [], spent: 0, round, failed: undefined }
  } catch (error) {
    await session.stop()
    throw error
  }
}

/** Is there time for another round? One may take longer than it should, and of ours there is one in any case: the ratios are to it. */
const hasTime = (r: Running, { seconds, limit, until }: Effort): boolean => {
  const first = r.runner.ours ? limit : Math.min(3 * seconds, limit / 2)
  const most = r.times.length === 0 ? first : seconds
  return r.failed === undefined && r.spent + r.round <= 1000 * most && Date.now() < until
}

/** A round is a fold, or as many as take a fifth of a second: what is short needs more to find its least. */
const foldsOf = ({ round }: Running): number => Math.max(1, Math.min(40, Math.floor(200 / round)))

const finished = async (r: Running, workload: Workload, folder: string): Promise<Measured> => {
  if (r.failed !== undefined) throw r.failed
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
    firstFold: sum(r.first),
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
        out.push(missing(runner, workload, error))
        effort.say(`${workload.id}: ${nameOf(runner)} is not measured: ${reason(error)}`)
      }
    }
    for (let round = 0; round < effort.repeats; round++)
      for (const r of running) {
        if (!hasTime(r, effort)) continue
        effort.say(`${workload.id}: round ${round + 1} of ${effort.repeats}, ${nameOf(r.runner)}`)
        try {
          for (let left = foldsOf(r); left > 0; left--) {
            const times = (await r.session.ask({ do: 'repeat' })) as number[]
            r.times.push(...times)
            r.round = sum(times)
            r.spent += r.round
          }
        } catch (error) {
          // It said that it could, a moment ago.
          r.failed = new Error(`a later round: ${reason(error)}`)
          await r.session.stop()
        }
      }
    for (const r of running)
      out.push(await finished(r, workload, folder).catch((error: unknown) => missing(r.runner, workload, error)))
  } finally {
    for (const r of running) await r.session.stop()
    await rm(folder, { recursive: true, force: true })
  }
  return out
}
