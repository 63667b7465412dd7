/** Every step count gives numbers. */
import fc from 'fast-check'
import { scrambled, seeds, stepCounts } from './generate.ts'
import { valuesOf, vector } from './host.ts'
import { LawError, type Rule, type Subject } from './law.ts'
import { stream } from './places.ts'

/** Throws `LawError` unless coefficients and samples of a fold over bounded answers are finite. */
export const demandFinite = (scheduler: Subject, seed = 1, shape: readonly number[] = [1, 1, 2, 2]): void => {
  const steps: readonly Readonly<Record<string, number>>[] = scheduler.timesteps
  steps.forEach((t, i) => {
    for (const [key, v] of Object.entries(t)) if (!Number.isFinite(v)) throw new LawError(`${key} of step ${i}`, v, 0)
  })
  if (!Number.isFinite(scheduler.initNoiseSigma)) throw new LawError('initNoiseSigma', scheduler.initNoiseSigma, 1)
  const draw = scrambled(seed)
  const entry = (kind: number, i: number) =>
    vector(
      [0, 1, 2, 3].map((j) => draw(kind, i, j)),
      shape,
    )
  const outputs = [scheduler.init(stream(shape, (i) => entry(2, i)))].flatMap((start) => {
    let state: unknown = start
    return scheduler.timesteps.flatMap((t, i) => {
      const answer = entry(1, i)
      const seen = [scheduler.input(state, t), scheduler.denoised(state, answer, t)]
      state = scheduler.step(state, answer, t)
      return [...seen, scheduler.output(state)]
    })
  })
  valuesOf(outputs).forEach((got, i) => {
    const bad = got.find((v) => !Number.isFinite(v))
    const which = ['input', 'denoised', 'sample after'][i % 3]!
    if (bad !== undefined) throw new LawError(`${which} of step ${Math.floor(i / 3)}`, bad, 0)
  })
}

/** Law 28: for every step count, coefficients and samples are finite, and nothing throws. */
export const totality: Rule = {
  number: 28,
  name: 'every step count gives finite coefficients and samples',
  source: 'diffusers #9007, #9366, #10738',
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), seeds, (n, seed) => demandFinite(make(n), seed)),
      { numRuns: runs },
    ),
}
