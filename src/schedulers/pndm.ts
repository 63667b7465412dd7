/** Pseudo numerical methods for diffusion models. Liu et al. 2022, PNDM. */
import * as t from 'io-ts'
import { defaulted, oneOf } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { zeros, type Tensor } from '../tensor/tensor.ts'
import { adamsBashforth, type AdamsBashforth } from './adams-bashforth.ts'
import { betaFields, fieldsOf, spacingFields, type SchedulerConfig } from './config.ts'
import type { Scheduler, Step } from './scheduler.ts'
import { spacedTimesteps } from './spacing.ts'
import { cleanFrom, demandSignal, forwardProcess } from './variance-preserving.ts'

/** The fields of a PNDMScheduler's config, with diffusers' defaults. */
export const pndmFields = t.type({
  ...betaFields('linear', 'scaled_linear', 'squaredcos_cap_v2'),
  ...spacingFields,
  prediction_type: defaulted(oneOf('epsilon', 'v_prediction'), 'epsilon'),
  skip_prk_steps: defaulted(t.boolean, false),
  set_alpha_to_one: defaulted(t.boolean, false),
})

/**
 * √ᾱ, √(1 − ᾱ) at the label; whether the step starts at x or where the last one `started`; the weights of that start and of the slope in x';
 * the slope's weights of the answer, the sum over a Runge–Kutta step and the answers before; whether the answer is `remembered` or the
 * history `stays`; and what that sum keeps and gains.
 */
export type PndmCoefficient =
  | 'alpha'
  | 'sigma'
  | 'starts'
  | 'started'
  | 'kept'
  | 'told'
  | 'sum'
  | keyof AdamsBashforth
  | 'remembered'
  | 'stays'
  | 'sumKept'
  | 'sumTold'

/** A sample, where its step started, the sum over a Runge–Kutta step, and the answers of the three steps before, the latest first. */
export type PndmState = {
  readonly x: Tensor
  readonly from: Tensor
  readonly sum: Tensor
  readonly ago1: Tensor
  readonly ago2: Tensor
  readonly ago3: Tensor
}

/**
 * `begin`: calls left out at the start. `warmUp` matters to a run that begins inside the grid: 'repeat' takes the first of its steps
 * twice, as diffusers does, which puts each later sample a step behind its label; 'history' takes every step from its own label, over as
 * many answers as there are yet.
 */
export type PndmOptions = { readonly begin?: number; readonly warmUp?: 'repeat' | 'history' }

/** A call of the model: its label, the times that the step goes between, and how the answer enters the slope, the history and the sum. */
type Call = {
  readonly t: number
  readonly from: number
  readonly to: number
  readonly starts: boolean
  readonly slope: Partial<AdamsBashforth> & { readonly sum?: number }
  readonly remembered: boolean
  readonly sumKept: number
  readonly sumTold: number
}

/** A linear multistep call, with `there` answers before it. */
const plms = (at: number, stride: number, there: number): Call => ({
  t: at,
  from: at,
  to: at - stride,
  starts: true,
  slope: adamsBashforth(there),
  remembered: true,
  sumKept: 0,
  sumTold: 0,
})

/** The second call of a run: the first step again, over the mean of the slopes at both its ends. */
const repeated = (at: number, stride: number): Call => ({
  ...plms(at, 0, 0),
  from: at + stride,
  starts: false,
  slope: { now: 1 / 2, ago1: 1 / 2 },
  remembered: false,
})

/** Calls over these labels, the second of which goes over the first step again. */
const withRepeat = (labels: readonly number[], stride: number): readonly Call[] =>
  labels.map((at, i) => (i === 1 ? repeated(at, stride) : plms(at, stride, i === 0 ? 0 : i - 1)))

/** The four calls of a Runge–Kutta step between two times, `half` a stride wide on either side. Eq. 13. */
const rungeKutta = (from: number, to: number, half: number): readonly Call[] => {
  const first: Call = { ...plms(from, half, 0), sumTold: 1 / 6 }
  const inner = { ...first, starts: false, remembered: false, sumKept: 1, sumTold: 1 / 3 }
  return [
    first,
    { ...inner, t: to + half, to: to + half },
    { ...inner, t: to + half, to },
    { ...inner, t: to, to, slope: { now: 1 / 6, sum: 1 }, sumTold: 0 },
  ]
}

/** Three Runge–Kutta steps, then multistep ones over the answers at their starts, as many as a run from `begin` on has. Algorithm 2. */
const withRungeKutta = (grid: readonly number[], stride: number, begin: number): readonly Call[] => {
  if (grid.length < 4)
    throw new ConfigError('skip_prk_steps', false, ['true', 'at least 4 steps'], 'leaves no room for Runge–Kutta steps')
  if (begin < 12 && begin % 4 !== 0)
    throw new ConfigError('begin', begin, ['0', '4', '8', '12 or more'], 'falls inside a Runge–Kutta step')
  const half = Math.floor(stride / 2)
  const before = Math.max(3 - Math.ceil(begin / 4), 0)
  const skipped = Math.max(begin - 12, 0)
  return [
    ...[0, 1, 2].flatMap((i) => rungeKutta(grid[i]!, grid[i + 1]!, half)),
    ...grid.slice(3).map((at, i) => plms(at, stride, Math.max(before + i - skipped, 0))),
  ].slice(begin)
}

/** Multistep calls alone, the second grid time listed twice. */
const withoutRungeKutta = (
  grid: readonly number[],
  stride: number,
  { begin = 0, warmUp = 'repeat' }: PndmOptions,
): readonly Call[] => {
  const labels = [...grid.slice(0, 2), ...grid.slice(1)]
  if (warmUp === 'repeat' || begin === 0) return withRepeat(labels.slice(begin), stride)
  if (begin === 1)
    throw new ConfigError('begin', begin, ['0', '2 or more'], 'falls inside the step that is taken twice')
  return labels.slice(begin).map((at, i) => plms(at, stride, i))
}

/**
 * x' = √ᾱ' x₀ + √(1 − ᾱ') ε (eq. 9), with ε combined from the answers by Runge & Kutta for three steps, or by the trapezium for one
 * (`skip_prk_steps`), and then by Adams & Bashforth (eq. 12); answers in v are combined as they are. ᾱ' is taken ⌊T/n⌋ training steps
 * earlier, and before the first of them is 1, or ᾱ₀ unless `set_alpha_to_one`. State: see `PndmState`. No draws. Fourth-order formula, order 2 from its first steps; one model call
 * a step, four in a Runge–Kutta one. Throws `ConfigError`.
 */
export const pndmScheduler = (
  config: SchedulerConfig,
  steps: number,
  options: PndmOptions = {},
): Scheduler<PndmState, PndmCoefficient> => {
  const fields = fieldsOf(pndmFields, config)
  const { prediction_type: kind, num_train_timesteps: total } = fields
  const { alphasCumprod: bars } = forwardProcess(fields)
  const grid = spacedTimesteps(steps, fields)
  const stride = Math.floor(total / steps)
  const calls = fields.skip_prk_steps
    ? withoutRungeKutta(grid, stride, options)
    : withRungeKutta(grid, stride, options.begin ?? 0)

  // An offset may push times past the last trained one, as it does labels.
  const barAt = (at: number): number =>
    at >= 0 ? bars[Math.min(at, total - 1)]! : fields.set_alpha_to_one ? 1 : bars[0]!
  demandSignal(
    kind,
    calls.flatMap(({ t, from }) => [barAt(t), barAt(from)]),
  )

  /** Eq. 9 as weights of the sample and of the answer. */
  const transfer = (bar: number, next: number): { readonly kept: number; readonly told: number } => {
    const [alpha, sigma] = [Math.sqrt(bar), Math.sqrt(1 - bar)]
    const [alpha2, sigma2] = [Math.sqrt(next), Math.sqrt(1 - next)]
    return kind === 'v_prediction'
      ? { kept: alpha2 * alpha + sigma2 * sigma, told: sigma2 * alpha - alpha2 * sigma }
      : { kept: alpha2 / alpha, told: sigma2 - (alpha2 * sigma) / alpha }
  }
  const coefficients = (call: Call): Step<PndmCoefficient, number> => ({
    t: Math.min(call.t, total - 1),
    alpha: Math.sqrt(barAt(call.t)),
    sigma: Math.sqrt(1 - barAt(call.t)),
    starts: call.starts ? 1 : 0,
    started: call.starts ? 0 : 1,
    ...transfer(barAt(call.from), barAt(call.to)),
    now: call.slope.now ?? 0,
    ago1: call.slope.ago1 ?? 0,
    ago2: call.slope.ago2 ?? 0,
    ago3: call.slope.ago3 ?? 0,
    sum: call.slope.sum ?? 0,
    remembered: call.remembered ? 1 : 0,
    stays: call.remembered ? 0 : 1,
    sumKept: call.sumKept,
    sumTold: call.sumTold,
  })
  const start = (x: Tensor): PndmState => {
    const none = zeros(x.shape)
    return { x, from: x, sum: none, ago1: none, ago2: none, ago3: none }
  }

  return {
    timesteps: calls.map(coefficients),
    initNoiseSigma: 1,
    init: (noise) => start(noise.head),
    start,
    input: ({ x }) => x,
    denoised: ({ x }, answer, c) => cleanFrom(kind, x, answer, c),
    step: ({ x, from, sum, ago1, ago2, ago3 }, answer, c) => {
      const base = x.mul(c.starts).add(from.mul(c.started))
      const past = ago1.mul(c.ago1).add(ago2.mul(c.ago2)).add(ago3.mul(c.ago3))
      const slope = answer.mul(c.now).add(sum.mul(c.sum)).add(past)
      const recall = (latest: Tensor, old: Tensor): Tensor => latest.mul(c.remembered).add(old.mul(c.stays))
      return {
        x: base.mul(c.kept).add(slope.mul(c.told)),
        from: base,
        sum: sum.mul(c.sumKept).add(answer.mul(c.sumTold)),
        ago1: recall(answer, ago1),
        ago2: recall(ago1, ago2),
        ago3: recall(ago2, ago3),
      }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { alpha, sigma }) => x.mul(alpha).add(noise.mul(sigma)),
  }
}
