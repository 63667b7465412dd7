/** A step is its position: what the model is told of the time says nothing to the scheduler. */
import fc from 'fast-check'
import { scrambled, seeds, stepCounts } from './generate.ts'
import { valuesOf, vector } from './host.ts'
import { demandSame, type Rule, type Subject } from './law.ts'
import { stream } from './places.ts'

const endUnder = (scheduler: Subject, label: (t: number, i: number) => number, seed: number) => {
  const draw = scrambled(seed)
  const entry = (kind: number, i: number) => vector([draw(kind, i, 0), draw(kind, i, 1)])
  const last = scheduler.timesteps.reduce<unknown>(
    (state, t, i) => scheduler.step(state, entry(1, i), { ...t, t: label(t.t, i) }),
    scheduler.start(
      entry(0, 0),
      stream([2], (i) => entry(2, i)),
    ),
  )
  return scheduler.output(last)
}

/**
 * Law 27: with the same answers, other labels (all the same, or in another order) give the same end, bit for bit:
 * integrators depend on their grid of levels. Lu et al. 2022a, section 3.
 */
export const labels: Rule = {
  number: 27,
  name: 'labels of timesteps do not enter the steps',
  source: 'Lu et al. 2022a, section 3',
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), seeds, (n, seed) => {
        const scheduler = make(n)
        const count = scheduler.timesteps.length
        const [plain, repeated, reversed] = valuesOf([
          endUnder(scheduler, (t) => t, seed),
          endUnder(scheduler, () => 500, seed),
          endUnder(scheduler, (_, i) => scheduler.timesteps[count - 1 - i]!.t, seed),
        ])
        demandSame('with one label for all', repeated!, plain!)
        demandSame('with labels reversed', reversed!, plain!)
      }),
      { numRuns: runs },
    ),
}
