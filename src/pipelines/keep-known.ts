/** Folds that keep what is known of a sample, for inpainting. */
import { input } from '../graph/build.ts'
import { evaluate } from '../graph/evaluate/evaluate.ts'
import type { AnyScheduler } from '../schedulers/by-name.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { SampleState } from './latent-pipeline.ts'
import type { Fold } from './sample.ts'

/** A running state, and what is kept: the clean sample, the noise it is mixed with, and where to draw anew (1) and where to keep (0). */
export type KeepingState = {
  readonly inner: SampleState
  readonly known: Tensor
  readonly fresh: Tensor
  readonly mask: Tensor
}

/** How much of a clean sample and of noise is mixed before each step, and at the end, where there is no noise. */
const mixtures = (
  scheduler: AnyScheduler,
): readonly { readonly knownWeight: number; readonly freshWeight: number }[] => {
  const [clean, noise] = [input('clean', []), input('noise', [])]
  const outputs = scheduler.timesteps.map((t) => scheduler.addNoise(new Tensor(clean), new Tensor(noise), t).node)
  const at = (...values: readonly [number, number]): readonly number[] => {
    const given = values.map((v) => Float64Array.of(v))
    return evaluate({ inputs: [clean, noise], outputs }, given, 'f64').map((v) => v[0]!)
  }
  const [signals, noises] = [at(1, 0), at(0, 1)]
  return [
    ...signals.map((knownWeight, i) => ({ knownWeight, freshWeight: noises[i]! })),
    { knownWeight: 1, freshWeight: 0 },
  ]
}

/**
 * A fold whose sample, after every step, is the known one outside the mask, noised as it stands before the next step: x' = m x +
 * (1 − m)(a x₀ + s ε). Lugmayr et al. 2022, eq. 8, without its resampling; diffusers' inpainting with a UNet of 4 channels.
 */
export const keepKnown = (scheduler: AnyScheduler): Fold<KeepingState, string> => {
  const mixed = mixtures(scheduler)
  return {
    timesteps: scheduler.timesteps.map((t, i) => ({ ...t, ...mixed[i + 1]! })),
    input: ({ inner }, t) => scheduler.input(inner, t),
    step: ({ inner, known, fresh, mask }, eps, t) => {
      const next = scheduler.step(inner, eps, t)
      const outside = known.mul(t['knownWeight']!).add(fresh.mul(t['freshWeight']!))
      const x = mask.mul(next.x).add(mask.neg().add(1).mul(outside))
      return { inner: { ...next, x }, known, fresh, mask }
    },
    output: ({ inner }) => scheduler.output(inner),
  }
}
