/** Gaussian data: the ODE has a solution in closed form, and the error falls as the order says. */
import { follow } from './fold.ts'
import { valuesOf, vector } from './host.ts'
import { LawError, type Rule, type Subject, type Traits } from './law.ts'
import { places } from './places.ts'

const deviations = [0.4, 0.7, 1.3, 2]

/** E[x₀ | x] = a c² x/(a² c² + s²) for data N(0, c²); the exact flow scales x by √(a² c² + s²). Error of the last sample, over all c. */
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
export const refinements = [33, 65, 129, 257] as const

/** log₂ of the ratios of the errors at successive refinements. */
export const measuredOrders = (make: (steps: number) => Subject, traits: Traits): readonly number[] => {
  const errors = refinements.map((n) => gaussianError(make(n), traits))
  return errors.slice(1).map((e, i) => Math.log2(errors[i]! / e))
}

/**
 * Law 14: on grids that nest the error at the last level falls by 2^p from one to the next, p ≥ order − 0.3 at every refinement, unless it is
 * rounding. Methods may do better: the problem is linear. Song et al. 2021, appendix; Lu et al. 2022a, theorem 3.2.
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
    const make = traits.refined!
    const order = traits.order ?? 1
    measuredOrders(make, traits).forEach((p, i) => {
      if (gaussianError(make(refinements[i + 1]!), traits) < 1e-11) return
      if (!(p >= order - 0.3))
        throw new LawError(`order from ${refinements[i]} to ${refinements[i + 1]} steps`, p, order)
    })
  },
}
