/** RePaint: inpainting with an unconditional model that jumps back to repaint. Lugmayr et al. 2022, algorithm 1. */
import * as t from 'io-ts'
import { defaulted } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { Noise } from '../tensor/noise.ts'
import { clamp } from '../tensor/nn.ts'
import { zeros, type Scalar, type Tensor } from '../tensor/tensor.ts'
import { betaFields, fieldsOf, rangeFields, type SchedulerConfig } from './config.ts'
import type { NoisySample } from './ddpm.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { stepCount } from './spacing.ts'
import { cleanFrom, forwardProcess } from './variance-preserving.ts'

/** The fields of a RePaintScheduler's config, with diffusers' defaults. */
export const repaintFields = t.type({
  ...betaFields('linear', 'scaled_linear', 'squaredcos_cap_v2', 'sigmoid'),
  eta: defaulted(t.number, 0),
  clip_sample: rangeFields.clip_sample,
})

/**
 * √ᾱ, √(1 − ᾱ) before the step; the weights of x₀, of ε and of noise in what is painted, of noise in what is known;
 * and of the sample and of noise in the jump after it.
 */
export type RepaintCoefficient =
  'alpha' | 'sigma' | 'toClean' | 'direction' | 'deviation' | 'known' | 'kept' | 'renoised'

/**
 * `image` where `mask` is 1 is known, and the rest is painted; without them all is. A jump goes `jumpLength` steps
 * back towards noise, and from each place where one starts there are `jumpSamples` − 1 of them.
 */
export type RepaintOptions = {
  readonly image?: Tensor
  readonly mask?: Tensor
  readonly jumpLength?: number
  readonly jumpSamples?: number
}

/** A step down from `at`, and whether a jump back follows it. */
export type Walk = { readonly at: number; readonly jumps: boolean }

/**
 * The steps of a run, in units of the grid: down from n − 1 to 0, with a jump at each multiple of `length` below n −
 * `length`, `samples` − 1 times.
 */
export const walk = (n: number, length: number, samples: number): readonly Walk[] => {
  const left = Array.from({ length: n }, (_, at) => (at % length === 0 && at < n - length ? samples - 1 : 0))
  const out: Walk[] = []
  for (let at = n - 1; at >= 0; at--) {
    const jumps = left[at]! > 0
    out.push({ at, jumps })
    if (!jumps) continue
    left[at]!--
    at += length
  }
  return out
}

/**
 * A stream whose heads are sums of consecutive draws by weight: one for every list of weights; no draws and zeros for
 * an empty one.
 */
export const weighted = (stream: Noise, weights: readonly (readonly number[])[]): Noise => {
  const from = (rest: Noise, i: number): Noise => {
    const own = weights[i] ?? [1]
    return new Noise(
      stream.shape,
      () => sum(rest, own) ?? zeros(stream.shape),
      () =>
        from(
          own.reduce((at) => at.next, rest),
          i + 1,
        ),
    )
  }
  return from(stream, 0)
}

const sum = (stream: Noise, weights: readonly number[]): Tensor | undefined => {
  let at = stream
  return weights.reduce<Tensor | undefined>((total, weight) => {
    const term = weight === 1 ? at.head : at.head.mul(weight)
    at = at.next
    return total === undefined ? term : total.add(term)
  }, undefined)
}

/** √Π(1 − β), and the weight of each draw in x ← √(1 − β) x + √β z, once for every β in order. */
const noised = (betas: readonly number[]): { readonly kept: number; readonly draws: readonly number[] } => {
  let kept = 1
  const draws = betas.toReversed().map((beta) => {
    const weight = kept * Math.sqrt(beta)
    kept *= Math.sqrt(1 - beta)
    return weight
  })
  return { kept, draws: draws.toReversed() }
}

/**
 * A step is DDIM's, x' = √ᾱ' x₀ + √(1 − ᾱ' − σ²) ε + σ z with σ = η √((1 − ᾱ')/(1 − ᾱ)) √(1 − ᾱ/ᾱ'), where the image
 * is painted, and √ᾱ' image + √(1 − ᾱ') z where it is known. A jump, x ← √(1 − β) x + √β z over the training steps
 * that it goes back, asks no model and so belongs to the step before it: the draws of its many small steps come as one
 * weighted sum. As in diffusers its β begin at that step's label, one stride too late. State: the sample. One draw a
 * step, and in a jump one for every training step. Throws `ConfigError`.
 */
export const repaintScheduler = (
  config: SchedulerConfig,
  steps: number,
  { image, mask, jumpLength = 10, jumpSamples = 10 }: RepaintOptions = {},
): Scheduler<NoisySample, RepaintCoefficient> => {
  const { eta, clip_sample: clipped, ...process } = fieldsOf(repaintFields, config)
  if (!(eta >= 0 && eta <= 1)) throw new ConfigError('eta', eta, ['0 … 1'], 'is no share of the noise')
  if ((image === undefined) !== (mask === undefined))
    throw new ConfigError(image === undefined ? 'image' : 'mask', null, ['both or neither'], 'is missing')
  const { betas, alphasCumprod: bars } = forwardProcess(process)
  const n = stepCount(steps, bars.length)
  const stride = Math.floor(bars.length / n)
  const way = walk(n, count('jumpLength', jumpLength), count('jumpSamples', jumpSamples))
  const jumps = way.map(({ at, jumps }) => {
    const passed = jumps ? betas.slice(at * stride, (at + jumpLength) * stride) : []
    const { kept, draws } = noised(passed)
    const renoised = Math.sqrt(draws.reduce((sum, w) => sum + w * w, 0))
    return { kept, renoised, draws: draws.map((w) => w / renoised) }
  })

  const coefficients = ({ at }: Walk, i: number): Step<RepaintCoefficient, number> => {
    const label = at * stride
    const [bar, next] = [bars[label]!, bars[label - stride] ?? 1]
    const deviation = eta * Math.sqrt(Math.max(((1 - next) / (1 - bar)) * (1 - bar / next), 0))
    return {
      t: label,
      alpha: Math.sqrt(bar),
      sigma: Math.sqrt(1 - bar),
      toClean: Math.sqrt(next),
      direction: Math.sqrt(Math.max(1 - next - deviation ** 2, 0)),
      deviation,
      known: Math.sqrt(1 - next),
      kept: jumps[i]!.kept,
      renoised: jumps[i]!.renoised,
    }
  }
  const timesteps = way.map(coefficients)
  const weights = jumps.flatMap(({ draws }) => [[1], draws])
  const start = (x: Tensor, noise: Noise): NoisySample => ({ x, noise: weighted(noise, weights) })
  const denoised = ({ x }: NoisySample, answer: Tensor, c: Step<RepaintCoefficient, Scalar>): Tensor => {
    const clean = cleanFrom('epsilon', x, answer, c)
    return clipped ? clamp(-1, 1)(clean) : clean
  }

  return {
    timesteps,
    initNoiseSigma: 1,
    init: (noise) => start(noise.head, noise.next),
    start,
    input: ({ x }) => x,
    denoised,
    step: (state, answer, c) => {
      const { head: z, next } = state.noise
      const clean = denoised(state, answer, c).mul(c.toClean)
      const painted = clean.add(answer.mul(c.direction)).add(z.mul(c.deviation))
      const whole =
        image === undefined || mask === undefined
          ? painted
          : image
              .mul(c.toClean)
              .add(z.mul(c.known))
              .mul(mask)
              .add(painted.mul(mask.neg().add(1)))
      return { x: whole.mul(c.kept).add(next.head.mul(c.renoised)), noise: next.next }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { alpha, sigma }) => x.mul(alpha).add(noise.mul(sigma)),
  }
}

const count = (field: string, value: number): number => {
  if (!Number.isInteger(value) || value < 1)
    throw new ConfigError(field, value, ['a whole number from 1'], 'is no count')
  return value
}
