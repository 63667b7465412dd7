/** What a scheduler's functions say of its steps: levels and weights, found by asking them with zeros and ones. */
import { Noise } from '../tensor/noise.ts'
import { zeros, type Tensor } from '../tensor/tensor.ts'
import type { Answer, Mixture, Subject, Weights } from './law.ts'
import { valuesOf, vector } from './host.ts'

/**
 * A step: the mixture that `addNoise` makes there, the one that the model is asked at, what it sees, and what its
 * answer says.
 */
export type Place = {
  readonly mixed: Mixture
  readonly asked: Mixture
  readonly seen: { readonly scale: number; readonly offset: number }
  readonly weights: Weights
}

/** A stream without end, made by a function of the position. */
export const stream = (shape: readonly number[], draw: (i: number) => Tensor): Noise => {
  const at = (i: number): Noise =>
    new Noise(
      shape,
      () => draw(i),
      () => at(i + 1),
    )
  return at(0)
}

/** A stream without noise. */
export const silence = (shape: readonly number[]): Noise => stream(shape, () => zeros(shape))

/** The mixture that an answer is about, from its weights: x₀ = (x − s ε)/a, a x − s v, x − s v, c_skip x + c_out F. */
const askedAt = (answer: Answer, { kept, told }: Weights, mixed: Mixture, scale: number): Mixture => {
  if (typeof answer === 'function') return answer({ kept, told }, mixed)
  if (typeof answer === 'object') return { signal: 1, noise: answer.sigmaData * Math.sqrt(1 / kept - 1) }
  switch (answer) {
    case 'sample':
      // A sample that keeps its signal is scaled to variance 1 for the model: σ = √(1/c_in² − 1).
      return mixed.signal === 1 && scale < 1 ? { signal: 1, noise: Math.sqrt(1 / scale ** 2 - 1) } : mixed
    case 'epsilon':
      return { signal: 1 / kept, noise: -told / kept }
    case 'flow':
      return { signal: 1 + told, noise: -told }
    case 'v_prediction': {
      // v is of the sample at variance 1, x/r: kept = a/r², told = −s/r.
      const share = Math.sqrt(Math.max(1 - told * told, 0))
      const r = kept === 0 ? 1 : share / kept
      return { signal: share * r, noise: -told * r }
    }
  }
}

/** Every step of a scheduler that keeps x₀ in no range. */
export const places = (scheduler: Subject, answer: Answer): readonly Place[] => {
  const [x, y] = [vector([0, 1, 0]), vector([0, 0, 1])]
  const state = scheduler.start(x, silence([3]))
  const asked = scheduler.timesteps.flatMap((t) => [
    scheduler.addNoise(x, y, t),
    scheduler.input(state, t),
    scheduler.denoised(state, y, t),
  ])
  const values = valuesOf(asked)
  return scheduler.timesteps.map((_, i) => {
    const [noised, input, clean] = [0, 1, 2].map((j) => values[3 * i + j]! as [number, number, number])
    const mixed = { signal: noised![1], noise: noised![2] }
    const weights = { kept: clean![1], told: clean![2] }
    const seen = { scale: input![1] - input![0], offset: input![0] }
    return {
      mixed,
      asked: askedAt(answer, weights, mixed, seen.scale),
      seen,
      weights,
    }
  })
}

/** The sample that the model is asked about, from what it sees. */
export const sampleSeen = (input: Tensor, { seen }: Place): Tensor => input.sub(seen.offset).div(seen.scale)
