/** The forward process that keeps the variance: x_t = √ᾱₜ x₀ + √(1 − ᾱₜ) ε. Ho et al. 2020, eq. 4. */
import { ConfigError } from '../errors.ts'
import { clamp, quantile } from '../tensor/nn.ts'
import { tensor, type Scalar, type Tensor } from '../tensor/tensor.ts'
import { betasOf, cumulated, type BetaOptions } from './betas.ts'

/** ᾱ for every training step, and the mixtures that it defines at any of them. */
export type ForwardProcess = {
  readonly betas: readonly number[]
  readonly alphasCumprod: readonly number[]
  /** √ᾱₜ x₀ + √(1 − ᾱₜ) ε, each sample of the batch at its own training timestep. */
  readonly addNoise: (sample: Tensor, noise: Tensor, timesteps: readonly number[]) => Tensor
  /** v = √ᾱₜ ε − √(1 − ᾱₜ) x₀. Salimans & Ho 2022, section 4. */
  readonly velocity: (sample: Tensor, noise: Tensor, timesteps: readonly number[]) => Tensor
}

/** The forward process of a config. */
export const forwardProcess = (o: BetaOptions): ForwardProcess => {
  const betas = betasOf(o)
  const alphasCumprod = cumulated(betas)
  const at = (timesteps: readonly number[], like: Tensor, f: (bar: number) => number): Tensor => {
    const values = timesteps.map((t) => {
      const bar = alphasCumprod[t]
      if (bar === undefined)
        throw new ConfigError('timesteps', t, [`0 … ${alphasCumprod.length - 1}`], 'is no training timestep')
      return f(bar)
    })
    return tensor(values, [values.length, ...like.shape.slice(1).map(() => 1)])
  }
  return {
    betas,
    alphasCumprod,
    addNoise: (sample, noise, ts) =>
      sample.mul(at(ts, sample, Math.sqrt)).add(noise.mul(at(ts, sample, (bar) => Math.sqrt(1 - bar)))),
    velocity: (sample, noise, ts) =>
      noise.mul(at(ts, sample, Math.sqrt)).sub(sample.mul(at(ts, sample, (bar) => Math.sqrt(1 - bar)))),
  }
}

/** What a model may predict. */
export type Prediction = 'epsilon' | 'sample' | 'v_prediction'

/** √ᾱₜ (`alpha`) and √(1 − ᾱₜ) (`sigma`). */
export type Mixture = { readonly alpha: Scalar; readonly sigma: Scalar }

/** The clean sample that a prediction implies: (x − σ ε)/α, x₀, or α x − σ v. Salimans & Ho 2022, section 4. */
export const cleanFrom = (kind: Prediction, x: Tensor, prediction: Tensor, { alpha, sigma }: Mixture): Tensor => {
  switch (kind) {
    case 'epsilon':
      return x.sub(prediction.mul(sigma)).div(alpha)
    case 'sample':
      return prediction
    case 'v_prediction':
      return x.mul(alpha).sub(prediction.mul(sigma))
  }
}

/** The noise that a prediction implies: ε, (x − α x₀)/σ, or α v + σ x. */
export const noiseFrom = (kind: Prediction, x: Tensor, prediction: Tensor, { alpha, sigma }: Mixture): Tensor => {
  switch (kind) {
    case 'epsilon':
      return prediction
    case 'sample':
      return x.sub(prediction.mul(alpha)).div(sigma)
    case 'v_prediction':
      return prediction.mul(alpha).add(x.mul(sigma))
  }
}

/** How predicted clean samples are kept in range. */
export type RangeOptions = {
  readonly clip_sample: boolean
  readonly clip_sample_range: number
  readonly thresholding: boolean
  readonly dynamic_thresholding_ratio: number
  readonly sample_max_value: number
}

/** Dynamic thresholding: s = the ratio-quantile of |x₀| in [1, max], x₀ clipped to ±s, over s. Saharia et al. 2022, section 2.3. */
export const threshold =
  ({ dynamic_thresholding_ratio: ratio, sample_max_value: max }: RangeOptions) =>
  (x0: Tensor): Tensor => {
    const [n] = x0.shape as [number]
    // min after max, as torch.clamp: a maximum under 1 wins.
    const s = quantile(ratio)(x0.abs().reshape(n, -1)).max(1).min(max)
    const limit = s.reshape(n, ...x0.shape.slice(1).map(() => 1))
    return clamp(limit.neg(), limit)(x0).div(limit)
  }

/** A clean sample kept in range as the config says; thresholding goes before clipping. */
export const inRange =
  (o: RangeOptions) =>
  (x0: Tensor): Tensor =>
    o.thresholding ? threshold(o)(x0) : o.clip_sample ? clamp(-o.clip_sample_range, o.clip_sample_range)(x0) : x0

/** Refuses a grid on which ε says nothing of x₀: at ᾱ = 0 the sample is all noise. Throws `ConfigError`. */
export const demandSignal = (kind: Prediction, bars: readonly number[]): void => {
  if (kind === 'epsilon' && bars.some((bar) => bar === 0))
    throw new ConfigError(
      'prediction_type',
      kind,
      ['sample', 'v_prediction', 'timestep_spacing leading'],
      'cannot start at zero signal-to-noise (rescale_betas_zero_snr), where the noise says nothing of the sample,',
    )
}
