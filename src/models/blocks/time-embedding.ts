/** What a model knows of the timestep: waves of it, and two layers on them. */
import { pipe } from 'fp-ts/lib/function.js'
import { ProgramError } from '../../errors.ts'
import { linearOf, record, when, type ParamsOf } from '../../params/codec.ts'
import { linear } from '../../tensor/nn.ts'
import { concat, fromStorage, full, type Scalar, type Tensor } from '../../tensor/tensor.ts'
import { activation, type Activation } from './activation.ts'

/** A timestep for the whole batch, or one for each sample: a number or [] → [1], [N] → [N], as f32. */
export const timestepsOf = (t: Scalar): Tensor => (typeof t === 'number' ? full([1], t) : t.reshape(-1).to('f32'))

/** How the waves are laid out: cosines first or last, the shift of the frequencies, a factor on the angles, the longest period. */
export type Waves = {
  readonly cosFirst?: boolean
  readonly shift?: number
  readonly scale?: number
  readonly period?: number
}

/** period^(−i / (⌊dim/2⌋ − shift)), rounded after every operation to float32, as the original computes it. */
const frequencies = (dim: number, shift: number, period: number): Float32Array => {
  const half = Math.floor(dim / 2)
  const rate = Math.fround(-Math.log(period))
  return Float32Array.from({ length: half }, (_, i) =>
    Math.exp(Math.fround(Math.fround(rate * i) / Math.fround(half - shift))),
  )
}

/**
 * sin(t ωᵢ) and cos(t ωᵢ) side by side: [N] → [N, dim], ωᵢ = period^(−i / (dim/2 − shift)); an odd dim ends in a zero.
 * Ho et al. 2020, after Vaswani et al. 2017, section 3.5.
 */
export const sinusoids = (
  dim: number,
  { cosFirst = false, shift = 1, scale = 1, period = 10000 }: Waves = {},
): ((t: Tensor) => Tensor) => {
  const omega = fromStorage(frequencies(dim, shift, period), [1, Math.floor(dim / 2)], 'f32')
  return (t) => {
    const angle = t.reshape(-1, 1).mul(omega) // [N, dim / 2]
    const scaled = scale === 1 ? angle : angle.mul(scale)
    const waves = concat(cosFirst ? [scaled.cos(), scaled.sin()] : [scaled.sin(), scaled.cos()], 1)
    return waves.pad([0, 0], [0, dim % 2]) // [N, dim]
  }
}

/**
 * sin(2π wᵢ ln σ) and cos(2π wᵢ ln σ) side by side: [N] → [N, 2 C], the wᵢ drawn once; without `log`, of σ itself. Song et al. 2021,
 * section C.2.
 */
export const gaussianFourier =
  (p: { readonly weight: Tensor }, { log = true, cosFirst = false } = {}) =>
  (t: Tensor): Tensor => {
    const level = (log ? t.log() : t).reshape(-1, 1)
    const angle = level.mul(p.weight.reshape(1, -1)).mul(2).mul(Math.PI) // [N, C]
    return concat(cosFirst ? [angle.cos(), angle.sin()] : [angle.sin(), angle.cos()], 1) // [N, 2 C]
  }

/** Parameters of the two layers: `linear_1` [hidden, inner], `linear_2` [hidden, hidden]; `cond_proj` [inner, condition] where told. */
export const timestepEmbeddingOf = (inner: number, hidden: number, condition: number | null = null) =>
  record({
    linear_1: linearOf(inner, hidden),
    cond_proj: when(condition !== null, () => linearOf(condition!, inner, { bias: false })),
    linear_2: linearOf(hidden, hidden),
  })

/** Parameters of the two layers, under the checkpoint's names. */
export type TimestepEmbedding = ParamsOf<typeof timestepEmbeddingOf>

/** The activation between the layers and the one after them, and what is added to the waves, [N, condition]. */
export type TimestepEmbeddingOptions = {
  readonly act?: Activation
  readonly postAct?: Activation | null
  readonly condition?: Tensor | undefined
}

/** Two layers with an activation between: [N, inner] → [N, hidden]. A condition is for models with `time_cond_proj_dim`, or `ProgramError`. */
export const timestepEmbedding =
  (p: TimestepEmbedding, { act = 'silu', postAct = null, condition }: TimestepEmbeddingOptions = {}) =>
  (waves: Tensor): Tensor => {
    if (condition !== undefined && p.cond_proj === undefined)
      throw new ProgramError('timestepEmbedding: a model without time_cond_proj_dim takes no condition of the timestep')
    const told = condition === undefined ? waves : waves.add(linear(p.cond_proj!)(condition))
    const h = pipe(told, linear(p.linear_1), activation(act), linear(p.linear_2))
    return postAct === null ? h : activation(postAct)(h)
  }
