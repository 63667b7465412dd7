/** Gaussian data: the ODE has a solution in closed form, and the error falls as the order says. */
import { follow } from './fold.ts'
import { valuesOf, vector } from './host.ts'
import { LawError, type Rule, type Subject, type Traits } from './law.ts'
import { places } from './places.ts'

const deviations = [0.4, 0.7, 1.3, 2]

/**
 * E[x₀ | x] = a c² x/(a² c² + s²) for data N(0, c²); the exact flow scales x by √(a² c² + s²). Error of the last
 * sample, over all c.
 */
export const gaussianError = (scheduler: Subject, { prediction, calls = 1 }: Traits): number => {
  const at = places(scheduler, prediction)
  const width = (i: number, c: number): number => Math.hypot(at[i]!.asked.signal * c, at[i]!.asked.noise)
  const { before } = follow(scheduler, at, vector(deviations.map((c) => width(0, c))), {
    clean: ({ x, i }) => x.mul(vector(deviations.map((c) => (at[i]!.asked.signal * c * c) / width(i, c) ** 2))),
  })
  const last = Math.floor((at.length - 1) / calls) * calls
  const [got] = valuesOf([before[last]!])
  return Math.hypot(...deviations.map((c, j) => got![j]! / width(last, c) - 1))
}

/** Step counts that nest: each grid has the levels of the one before, and one more between any two. */
export const refinements = [17, 33, 65, 129] as const

/** An error, and log₂ of its ratio to the one a refinement before. */
export type MeasuredOrder = { readonly steps: number; readonly error: number; readonly order: number }

/** The order that a method shows from each grid to the next. */
export const measuredOrders = (make: (steps: number) => Subject, traits: Traits): readonly MeasuredOrder[] => {
  const errors = refinements.map((n) => gaussianError(make(n), traits))
  return errors
    .slice(1)
    .map((error, i) => ({ steps: refinements[i + 1]!, error, order: Math.log2(errors[i]! / error) }))
}

/**
 * Law 14: on grids that nest the error at the last level falls by 2^p from one to the next, p ≥ order − 0.3 once they
 * are fine, unless it is rounding. Methods may do better: the problem is linear. Song et al. 2021, appendix; Lu et al.
 * 2022a, theorem 3.2.
 */
export const gaussianOracle: Rule = {
  number: 14,
  name: 'the error on Gaussian data falls as the order says',
  source: 'Lu et al. 2022a, theorem 3.2',
  excused: ({ kind = 'ode', range, refined }) =>
    kind !== 'ode'
      ? 'is no solver of the ODE'
      : range !== undefined
        ? 'keeps x₀ in a range'
        : refined === undefined
          ? 'no grids that nest were given (traits.refined)'
          : undefined,
  check: ({ traits }) => {
    const claimed = traits.order ?? 1
    // The first refinement is not asymptotic yet. An error of rounding shows no order.
    for (const { steps, error, order } of measuredOrders(traits.refined!, traits).slice(1))
      if (!(order >= claimed - 0.3 || error < 1e-11)) throw new LawError(`order at ${steps} steps`, order, claimed)
  },
}
