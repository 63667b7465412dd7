/** Elements and samples of a batch do not know of each other. */
import fc from 'fast-check'
import type { Tensor } from '../tensor/tensor.ts'
import { scrambled, seeds, stepCounts } from './generate.ts'
import { valuesOf, vector } from './host.ts'
import { demandSame, type Rule, type Subject } from './law.ts'
import { stream } from './places.ts'

type Order = readonly number[]

/**
 * The end of a fold over [batch, 1, 2, 2] with start, answers and draws by position; element j of a sample is that at
 * `order[j]`.
 */
const endAt = (scheduler: Subject, seed: number, batch: readonly number[], order: Order): Tensor => {
  const draw = scrambled(seed)
  const tensorOf = (kind: number, i: number): Tensor =>
    vector(
      batch.flatMap((b) => order.map((j) => draw(kind, i, b, j))),
      [batch.length, 1, 2, 2],
    )
  const last = scheduler.timesteps.reduce<unknown>(
    (state, t, i) => scheduler.step(state, tensorOf(1, i), t),
    scheduler.start(
      tensorOf(0, 0),
      stream([batch.length, 1, 2, 2], (i) => tensorOf(2, i)),
    ),
  )
  return scheduler.output(last)
}

/**
 * Law 17: a batch is a map over its samples, bit for bit; and permuting the elements of start, answers and draws
 * permutes those of the end.
 */
export const equivariance: Rule = {
  number: 17,
  name: 'a batch is a map over its samples, and elements may be permuted',
  source: 'every method here is elementwise',
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), seeds, fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (n, seed, order) => {
        const scheduler = make(n)
        const plain = [0, 1, 2, 3]
        const [both, first, second, permuted] = valuesOf([
          endAt(scheduler, seed, [0, 1], plain),
          endAt(scheduler, seed, [0], plain),
          endAt(scheduler, seed, [1], plain),
          endAt(scheduler, seed, [0], order),
        ]) as [number[], number[], number[], number[]]
        demandSame('batch', both, [...first, ...second])
        demandSame(
          'permuted',
          permuted,
          order.map((j) => first[j]!),
        )
      }),
      { numRuns: runs },
    ),
}
