/** x₀ is kept in its range, and left alone inside it. */
import fc from 'fast-check'
import { stepCounts, values } from './generate.ts'
import { valuesOf, vector } from './host.ts'
import { demandClose, LawError, type Rule } from './law.ts'
import { silence } from './places.ts'

/**
 * Law 26: `denoised` is within the range; where the model's x₀ is inside already it is that x₀, found by the answer
 * that is affine there; and the preview of a preview is the same. Saharia et al. 2022, section 2.3.
 */
export const thresholding: Rule = {
  number: 26,
  name: 'x₀ is kept in its range, and left alone inside it',
  source: 'Saharia et al. 2022, section 2.3',
  excused: ({ range }) => (range === undefined ? 'keeps x₀ in no range' : undefined),
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(
        stepCounts(traits),
        values(4),
        values(4),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (n, x, y, far) => {
          const scheduler = make(n)
          const range = traits.range!
          const shape = [1, 1, 2, 2]
          // Small enough that x₀ = kept x + told · answer is inside the range at every level.
          const told = valuesOf(
            scheduler.timesteps.flatMap((t) => {
              const tiny = 1e-6
              const preview = (a: number, b: number) =>
                scheduler.denoised(
                  scheduler.start(
                    vector(
                      [a, 0, 0, 0].map((v) => v * tiny),
                      shape,
                    ),
                    silence(shape),
                  ),
                  vector(
                    [b, 0, 0, 0].map((v) => v * tiny),
                    shape,
                  ),
                  t,
                )
              return [preview(1, 0).div(tiny), preview(0, 1).div(tiny)]
            }),
          )
          scheduler.timesteps.forEach((t, i) => {
            const weights = [told[2 * i]![0]!, told[2 * i + 1]![0]!] as const
            const size = Math.max(...x.map((v, j) => Math.abs(weights[0] * v + weights[1] * y[j]!)), 1e-12)
            const at = (scale: number): readonly number[] => {
              const [sample, answer] = [x, y].map((v) =>
                vector(
                  v.map((e) => e * scale),
                  shape,
                ),
              )
              return valuesOf([scheduler.denoised(scheduler.start(sample!, silence(shape)), answer!, t)])[0]!
            }
            at(far).forEach((v, j) => {
              if (!(Math.abs(v) <= range * (1 + 1e-12))) throw new LawError(`element ${j} of x₀ at step ${i}`, v, range)
            })
            const inside = Math.min(1, (0.9 * range) / size)
            at(inside).forEach((v, j) => {
              const wanted = inside * (weights[0] * x[j]! + weights[1] * y[j]!)
              demandClose(`element ${j} of x₀ inside the range at step ${i}`, v, wanted, Math.max(range, 1), 1e-6)
            })
          })
        },
      ),
      { numRuns: runs },
    ),
}
