/** A bench without a device, in a time of its own: it passes where kernels are compiled and run, and nowhere else. */
import type { Bench, Way } from '../../src/backend/webgpu/meter.ts'

/** How long things take there, in milliseconds; a run may take longer than the part of it before says. */
export type World = {
  readonly compile: (way: Way) => number
  readonly run: (way: Way) => number
  readonly late?: (way: Way) => number
}

/** What was done: a word for each step, and how long it took. */
export type Step = readonly ['compile' | 'part' | 'run', number]

/** A clock, the bench it goes by, and what is done on it. */
export const fakeBench = ({ compile, run, late = () => 1 }: World) => {
  let at = 1000
  const steps: Step[] = []
  const pass = (step: Step): void => {
    steps.push(step)
    at += step[1]
  }
  const bench: Bench = async (way, use) => {
    pass(['compile', compile(way)])
    return use({
      fresh: true,
      warm: async () => {
        pass(['part', run(way) / 16])
        return { ms: run(way) / 16, share: 1 / 16 }
      },
      run: async () => {
        pass(['run', run(way) * late(way)])
        return run(way) * late(way)
      },
    })
  }
  return { now: () => at, bench, steps, wait: (ms: number) => void (at += ms) }
}
