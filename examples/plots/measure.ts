/** How far a scheduler's samples are from the exact ones where the data are Gaussian, for which everything is known in closed form. */
import { follow } from '../../src/laws/fold.ts'
import { valuesOf, vector } from '../../src/laws/host.ts'
import type { Answer, Subject } from '../../src/laws/law.ts'
import { places, silence, stream } from '../../src/laws/places.ts'

/** A scheduler, what its model answers, and how many calls make one step. */
export type Measured = { readonly scheduler: Subject; readonly answer: Answer; readonly block: number }

/** An error after a number of model calls. */
export type Point = { readonly calls: number; readonly error: number }

/** Standard deviations of the data. */
export const deviations = [0.3, 0.7, 1, 2] as const

/** The last call that begins a step: what is before it lies on the path, and cost as many calls as its position. */
const lastStep = (calls: number, block: number): number => Math.floor((calls - 1) / block) * block

/**
 * Data are N(0, c²), so the best answer implies x₀ = a c² x/(a² c² + s²), and samples at (a, s) have the deviation √(a² c² + s²). A fold under
 * that answer is linear in its start and its draws: the deviation of its end is the root of the sum of the squared responses to each of
 * them, and no sample need be drawn. Without draws this is the trajectory itself over the exact one. The error is the root mean square,
 * over c, of the deviation reached over the exact one, less 1.
 */
export const gaussianError = ({ scheduler, answer, block }: Measured, draws: number): Point => {
  const at = places(scheduler, answer)
  const last = lastStep(at.length, block)
  const responses = draws + 1
  const each = (f: (c: number, response: number) => number): number[] =>
    deviations.flatMap((c) => Array.from({ length: responses }, (_, r) => f(c, r)))
  const width = (i: number, c: number): number => Math.hypot(at[i]!.asked.signal * c, at[i]!.asked.noise)
  const start = vector(each((c, r) => (r === 0 ? width(0, c) : 0)))
  const noise = draws === 0 ? silence(start.shape) : stream(start.shape, (i) => vector(each((_, r) => +(r === i + 1))))
  const clean = (i: number) => vector(each((c) => (at[i]!.asked.signal * c * c) / width(i, c) ** 2))
  const { before } = follow(scheduler, at, start, { clean: ({ x, i }) => x.mul(clean(i)) }, noise)
  const [reached] = valuesOf([before[last]!])
  const errors = deviations.map((c, j) => {
    const own = reached!.slice(j * responses, (j + 1) * responses)
    return (draws === 0 ? own[0]! : Math.hypot(...own)) / width(last, c) - 1
  })
  return { calls: last, error: Math.hypot(...errors) / Math.sqrt(deviations.length) }
}
