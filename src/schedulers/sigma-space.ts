/** Samples in σ-space, x = x₀ + σ ε: what the model sees of them, and what its answer says of x₀. Karras et al. 2022. */
import type { Scalar, Tensor } from '../tensor/tensor.ts'
import type { Spacing } from './spacing.ts'
import type { Prediction } from './variance-preserving.ts'

/** 1/√(σ² + 1): the model was trained on samples of variance 1. */
export const inputScale = (sigma: number): number => 1 / Math.sqrt(sigma * sigma + 1)

/** Weights of the sample and of the model's answer in x₀, for a noise level: `kept` x + `told` · answer. */
export const cleanWeights = (
  kind: Prediction,
  sigma: number,
  trained = sigma,
): { readonly kept: number; readonly told: number } => {
  switch (kind) {
    case 'epsilon':
      return { kept: 1, told: -sigma }
    case 'sample':
      return { kept: 0, told: 1 }
    case 'v_prediction':
      return { kept: 1 / (trained * trained + 1), told: -trained / Math.sqrt(trained * trained + 1) }
  }
}

/** x₀ as those weights have it. A weight of 0 is exact for every finite sample. */
export const cleanBy = (
  x: Tensor,
  answer: Tensor,
  { kept, told }: { readonly kept: Scalar; readonly told: Scalar },
): Tensor => x.mul(kept).add(answer.mul(told))

/** Standard deviation of the starting noise: σ of the first level, or √(σ² + 1) where the timesteps lead and the signal counts. */
export const startDeviation = (spacing: Spacing, most: number): number =>
  spacing === 'leading' ? Math.sqrt(most * most + 1) : most
