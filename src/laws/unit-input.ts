/**
 * The model sees samples of the variance that it was trained on, and a run starts with the noise of its first level.
 */
import fc from 'fast-check'
import { stepCounts } from './generate.ts'
import { demandClose, LawError, type Rule } from './law.ts'
import { places } from './places.ts'

/**
 * Law 24: where data have variance 1 (of an EDM network σ_data²), what the model sees has variance 1: c_in² (a² σ_data²
 * + s²) = 1; a flow's model sees the sample as it is. The starting noise has the deviation of the first level's, s, or
 * of its sample, √(a² + s²); a flow's is 1. Karras et al. 2022, table 1.
 */
export const unitInput: Rule = {
  number: 24,
  name: 'the model sees unit variance, and a run starts at its first level',
  source: 'Karras et al. 2022, table 1',
  excused: ({ range, ascending }) =>
    range !== undefined ? 'keeps x₀ in a range' : ascending === true ? 'starts from a clean sample' : undefined,
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), (n) => {
        const scheduler = make(n)
        const at = places(scheduler, traits.prediction)
        const { prediction } = traits
        const data = traits.dataDeviation ?? (typeof prediction === 'object' ? prediction.sigmaData : 1)
        const flow = at.every(({ mixed }) => Math.abs(mixed.signal + mixed.noise - 1) < 1e-9)
        at.forEach(({ asked: { signal, noise }, seen: { scale, offset } }, i) => {
          demandClose(`offset of what the model sees at step ${i}`, offset, 0)
          const deviation = flow ? 1 : Math.hypot(signal * data, noise)
          demandClose(`deviation of what the model sees at step ${i}`, scale * deviation, 1)
        })
        const { signal, noise } = at[0]!.mixed
        const starts = flow ? [1] : [noise, Math.hypot(signal, noise)]
        if (!starts.some((s) => Math.abs(scheduler.initNoiseSigma - s) <= 1e-9 * Math.max(1, s)))
          throw new LawError('initNoiseSigma', scheduler.initNoiseSigma, starts[0]!)
      }),
      { numRuns: runs },
    ),
}
