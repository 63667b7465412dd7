/** Folds of a scheduler under models that are known exactly. */
import type { Noise } from '../tensor/noise.ts'
import { zeros, type Tensor } from '../tensor/tensor.ts'
import type { Subject } from './law.ts'
import { sampleSeen, silence, type Place } from './places.ts'

/** A state on the way: `x` is the sample that the model is asked about at step `i`, scaled back. */
export type Asked = { readonly state: unknown; readonly x: Tensor; readonly place: Place; readonly i: number }

/** A model, and what it is given: either the answer itself, or the clean sample that the answer must imply. */
export type Oracle = { readonly answer: (at: Asked) => Tensor } | { readonly clean: (at: Asked) => Tensor }

/** What the model is asked about before each step, the samples there, and the one at the end. */
export type Path = { readonly before: readonly Tensor[]; readonly samples: readonly Tensor[]; readonly end: Tensor }

/** The answer that implies a clean sample: (x₀ − kept x)/told. Where answers do not count it is 0. */
export const answerFor = (scheduler: Subject, { state, x, place, i }: Asked, clean: Tensor): Tensor => {
  const nothing = zeros(x.shape)
  if (place.weights.told === 0) return nothing
  return clean.sub(scheduler.denoised(state, nothing, scheduler.timesteps[i]!)).div(place.weights.told)
}

/** The fold from a sample, over a stream that is silent unless given. */
export const follow = (
  scheduler: Subject,
  at: readonly Place[],
  start: Tensor,
  oracle: Oracle,
  noise: Noise = silence(start.shape),
): Path => {
  const before: Tensor[] = []
  const samples: Tensor[] = []
  const last = scheduler.timesteps.reduce<unknown>(
    (state, t, i) => {
      const place = at[i]!
      const asked = { state, x: sampleSeen(scheduler.input(state, t), place), place, i }
      before.push(asked.x)
      samples.push(scheduler.output(state))
      const answer = 'answer' in oracle ? oracle.answer(asked) : answerFor(scheduler, asked, oracle.clean(asked))
      return scheduler.step(state, answer, t)
    },
    scheduler.start(start, noise),
  )
  return { before, samples, end: scheduler.output(last) }
}
