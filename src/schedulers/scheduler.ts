/** What a scheduler is: host coefficients for every step, and pure functions on tensors. */
import type { Noise } from '../tensor/noise.ts'
import type { Scalar, Tensor } from '../tensor/tensor.ts'

/**
 * The coefficients of one step: float64 numbers on the host (`L = number`), uniforms inside a program (`L = Scalar`).
 * `t` is the time the model is told; the other keys are the scheduler's own, named as in its paper.
 */
export type Step<K extends string, L> = { readonly [P in K | 't']: L }

/**
 * A scheduler whose states are `S` and whose steps carry the coefficients `K`. A sampler is
 * `timesteps.reduce((state, t) => step(state, eps(input(state, t), t.t), t), init(noise))`, and nothing more.
 *
 * A step is known by its position on the grid, never by looking its label `t` up again. Warm-up and last steps of a multistep
 * method are zero coefficients, not branches. Stochastic steps draw from the `Noise` kept in their state.
 */
export interface Scheduler<S, K extends string = never> {
  /** Coefficients, in the order in which the steps are taken. */
  readonly timesteps: readonly Step<K, number>[]
  /** How often a step asks the model, diffusers' `order`: 1 unless given. Such steps are that many entries of `timesteps`. */
  readonly callsPerStep?: 2
  /** Standard deviation of the starting noise, diffusers' `init_noise_sigma`. */
  readonly initNoiseSigma: number
  /** The state that starts from pure noise: the stream's head times `initNoiseSigma`, keeping the rest of the stream. */
  readonly init: (noise: Noise) => S
  /** The state that starts from a given sample, as image-to-image does after `addNoise`. */
  readonly start: (sample: Tensor, noise: Noise) => S
  /** What the model sees, diffusers' `scale_model_input`. */
  readonly input: (state: S, t: Step<K, Scalar>) => Tensor
  /** The clean sample that the model's answer implies, kept in range as the config says: a preview of the end. */
  readonly denoised: (state: S, eps: Tensor, t: Step<K, Scalar>) => Tensor
  /** The reducer: the state after the model's answer `eps` (ε, x₀, v or a flow, as the config's prediction type says). */
  readonly step: (state: S, eps: Tensor, t: Step<K, Scalar>) => S
  /** The sample in a state. */
  readonly output: (state: S) => Tensor
  /** The forward process: clean sample and noise, mixed as they stand before step `t`. */
  readonly addNoise: (sample: Tensor, noise: Tensor, t: Step<K, Scalar>) => Tensor
}
