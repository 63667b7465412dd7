/** Ends of folds over answers and draws that a position determines, in float64. */
import type { Subject } from '../../../src/laws/law.ts'
import { scrambled } from '../../../src/laws/generate.ts'
import { valuesOf, vector } from '../../../src/laws/host.ts'
import { stream } from '../../../src/laws/places.ts'

const draw = scrambled(7)

/** Four numbers that a kind and a position determine. */
export const entry = (kind: number, i: number): readonly number[] => [0, 1, 2, 3].map((j) => draw(kind, i, j))

/** What a run is given: where it starts, its answers, its draws, and how many steps of it are taken. */
export type Given = {
  readonly start: readonly number[]
  readonly answer: (i: number) => readonly number[]
  readonly draws?: (i: number) => readonly number[]
  readonly steps?: number
}

/** The sample that a run ends at. */
export const endOf = (
  scheduler: Subject,
  { start, answer, draws = () => start.map(() => 0), steps = scheduler.timesteps.length }: Given,
): readonly number[] => {
  const first = scheduler.start(
    vector(start),
    stream([start.length], (i) => vector(draws(i))),
  )
  const last = scheduler.timesteps
    .slice(0, steps)
    .reduce<unknown>((state, t, i) => scheduler.step(state, vector(answer(i)), t), first)
  return valuesOf([scheduler.output(last)])[0]!
}

/** The largest difference between two lists of numbers. */
export const apart = (a: readonly number[], b: readonly number[]): number =>
  a.length === b.length ? Math.max(...a.map((v, i) => Math.abs(v - b[i]!))) : Infinity
