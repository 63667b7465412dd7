/**
 * The grid that exponential integrators share, in λ = ln(α/σ), half the logarithm of the signal-to-noise ratio. Lu et
 * al. 2022a, section 3.
 */
import * as t from 'io-ts'
import { defaulted, nullable, oneOf, respelled } from '../core/config.ts'
import { roundEven } from '../core/special.ts'
import { ConfigError } from '../errors.ts'
import type { BetaOptions } from './betas.ts'
import { descending, namedGrids, sigmaFields, type SigmaOptions } from './sigma-grid.ts'
import { gridOf, interpolate, trainSigmas, type GridFlags } from './sigmas.ts'
import { givenTimesteps, spacings, stepCount, type Spacing } from './spacing.ts'
import { forwardProcess } from './variance-preserving.ts'

/** Python writes −∞ as `-Infinity`, which is no JSON; readers hand it on as a string or as null. */
const infinite = (u: unknown): unknown => (u === null || u === '-inf' || u === '-Infinity' ? -Infinity : u)

/** Config fields of the grid of an exponential integrator; take those that its class has. */
export const lambdaFields = {
  ...sigmaFields,
  use_lu_lambdas: defaulted(t.boolean, false),
  use_flow_sigmas: defaulted(t.boolean, false),
  flow_shift: defaulted(t.number, 1),
  final_sigmas_type: defaulted(oneOf('zero', 'sigma_min'), 'zero'),
  lambda_min_clipped: defaulted(respelled(t.number, infinite), -Infinity),
  variance_type: defaulted(nullable(oneOf('learned', 'learned_range')), null),
  timestep_spacing: defaulted(oneOf(...spacings), 'linspace'),
  steps_offset: defaulted(t.number, 0),
  rescale_betas_zero_snr: defaulted(t.boolean, false),
}

/** What determines the grid. Without `final_sigmas_type` it ends at the least level, as with 'sigma_min'. */
export type LambdaGridFields = BetaOptions &
  GridFlags & {
    readonly flow_shift?: number
    readonly final_sigmas_type?: 'zero' | 'sigma_min'
    readonly lambda_min_clipped?: number
    readonly timestep_spacing?: Spacing
    readonly steps_offset?: number
    readonly sigma_min?: number | null
    readonly sigma_max?: number | null
  }

/**
 * Where the originals differ: `rounded` grids have labels rounded to the nearest, others cut off; a grid that
 * `repeatsLast` ends a named grid or a flow with its least level once more, others with the least trained σ. Both only
 * without a final level of zero.
 */
export type LambdaGridTraits = { readonly rounded?: readonly (keyof GridFlags)[]; readonly repeatsLast?: boolean }

/**
 * One level: `sigma` as the original lists it (σ/α, or the flow's σ), the weights `alpha` of the sample and `deviation`
 * of the noise, and `lambda` = ln(alpha/deviation). The level of the clean sample is { sigma: 0, alpha: 1, deviation:
 * 0, lambda: ∞ }, never NaN: step sizes to it are ∞, and weights must be written so that ∞ only ever meets `exp(−h)` or
 * `expm1(−h)`.
 */
export type Level = {
  readonly sigma: number
  readonly alpha: number
  readonly deviation: number
  readonly lambda: number
}

/** n labels that the model is told and n + 1 levels, in the order of the steps. */
export type LambdaGrid = { readonly timesteps: readonly number[]; readonly levels: readonly Level[] }

/** The level of a σ: variance-preserving, α = 1/√(σ² + 1), or a flow's, α = 1 − σ. */
export const levelOf = (sigma: number, flow = false): Level => {
  const alpha = flow ? 1 - sigma : 1 / Math.sqrt(sigma * sigma + 1)
  const lambda = flow ? Math.log1p(-sigma) - Math.log(sigma) : -Math.log(sigma)
  return { sigma, alpha, deviation: flow ? sigma : sigma * alpha, lambda }
}

/**
 * σ of every training step, ascending. ᾱ is rounded to float32, as the table was from which the networks were trained.
 */
export const trainedSigmas = (o: BetaOptions): readonly number[] =>
  trainSigmas(forwardProcess(o).alphasCumprod.map(Math.fround))

/**
 * How many training steps are left when those with λ under `lambda_min_clipped` are not used. Throws `ConfigError`
 * where none are.
 */
export const clippedCount = (train: readonly number[], least: number | undefined): number => {
  const left = least === undefined ? train.length : train.filter((s) => -Math.log(s) >= least).length
  if (left < 1) throw new ConfigError('lambda_min_clipped', least, ['less'], 'leaves no training timestep')
  return left
}

/**
 * n whole timesteps, descending from the noisiest of the first `count`: as `spacedTimesteps` would space n + 1, without
 * the least, which is where the last step ends. `trailing` steps by T/n whatever `count` is, so it may give fewer.
 */
export const lambdaTimesteps = (steps: number, o: LambdaGridFields, count: number): readonly number[] => {
  const total = o.num_train_timesteps
  const n = stepCount(steps, total)
  switch (o.timestep_spacing ?? 'linspace') {
    case 'linspace': {
      const stride = (count - 1) / n
      return Array.from({ length: n }, (_, i) => (i === 0 ? count - 1 : roundEven((n - i) * stride)))
    }
    case 'leading': {
      const ratio = Math.floor(count / (n + 1))
      return Array.from({ length: n }, (_, i) => Math.min((n - i) * ratio + (o.steps_offset ?? 0), total - 1))
    }
    case 'trailing': {
      const ratio = total / n
      const length = Math.min(Math.ceil(count / ratio), n)
      // The stride as the original has it, rounded once more: it decides halves.
      const stride = count - (count - ratio)
      return Array.from({ length }, (_, i) => roundEven(count - i * stride) - 1)
    }
  }
}

/**
 * The whole label of a σ. Its place among the trained ones, above the last that is not greater, is found in float32, as
 * the original does, whose labels are cut off. (Rescaled to zero signal, trained σ do not ascend to the very end.)
 */
export const labelOf = (sigma: number, train: readonly number[], rounded: boolean): number => {
  const logs = train.map((s) => Math.fround(Math.log(s)))
  const wanted = Math.fround(Math.log(Math.max(sigma, 1e-10)))
  const low = Math.min(
    Math.max(
      logs.findLastIndex((log) => log <= wanted),
      0,
    ),
    train.length - 2,
  )
  const [a, b] = [logs[low]!, logs[low + 1]!]
  const weight = Math.min(Math.max(Math.fround(Math.fround(a - wanted) / Math.fround(a - b)), 0), 1)
  return (rounded ? roundEven : Math.trunc)((1 - weight) * low + weight * (low + 1))
}

/**
 * σ of a flow, descending over n steps from 1 − 1/T, shifted to a σ/(1 + (a − 1) σ). Esser et al. 2024, section 5.3.2.
 */
export const flowSigmas = (n: number, total: number, shift: number): readonly number[] =>
  Array.from({ length: n }, (_, i) => {
    // In the original's order of operations: labels are σ T cut off, and one rounding more or less would move them.
    const sigma = 1 - (i === 0 ? 1 / total : (n - i) * ((1 / total - 1) / n) + 1)
    return (shift * sigma) / (1 + (shift - 1) * sigma)
  })

/** The σ of n steps and their labels, without the level at which the last step ends. */
const stepLevels = (
  steps: number,
  o: LambdaGridFields,
  train: readonly number[],
  given: SigmaOptions,
  rounded: readonly (keyof GridFlags)[],
): { readonly timesteps: readonly number[]; readonly sigmas: readonly number[] } => {
  const total = o.num_train_timesteps
  const grid = gridOf(o)
  if (given.timesteps !== undefined) {
    if (grid !== undefined)
      throw new ConfigError(grid, true, ['false'], 'determines the grid, and timesteps were given too')
    const timesteps = givenTimesteps(given.timesteps, total)
    return { timesteps, sigmas: timesteps.map((at) => interpolate(train, at)) }
  }
  if (grid === undefined) {
    const timesteps = lambdaTimesteps(steps, o, clippedCount(train, o.lambda_min_clipped))
    return { timesteps, sigmas: timesteps.map((at) => interpolate(train, at)) }
  }
  const n = stepCount(steps, total)
  if (grid === 'use_flow_sigmas') {
    const sigmas = flowSigmas(n, total, o.flow_shift ?? 1)
    // In float32 as the original has them: next to σ = 1 that decides α = 1 − σ.
    return { timesteps: sigmas.map((s) => Math.trunc(s * total)), sigmas: sigmas.map(Math.fround) }
  }
  const sigmas = namedGrids[grid](o.sigma_max ?? train.at(-1)!, o.sigma_min ?? train[0]!, n)
  return { timesteps: sigmas.map((s) => labelOf(s, train, rounded.includes(grid))), sigmas }
}

/**
 * The grid of a config. Times are spaced over the training steps, or a named grid runs between their ends; given
 * `sigmas` (with the final one) are σ/α, or a flow's σ where `use_flow_sigmas`. A final σ of 0 is the clean sample, λ =
 * ∞. Labels may repeat where steps are short: a step is its position. Throws `ConfigError`.
 */
export const lambdaGrid = (
  steps: number,
  o: LambdaGridFields,
  given: SigmaOptions = {},
  { rounded = ['use_karras_sigmas'], repeatsLast = false }: LambdaGridTraits = {},
): LambdaGrid => {
  const flow = o.use_flow_sigmas === true
  const train = trainedSigmas(o)
  if (given.sigmas !== undefined) {
    if (given.timesteps !== undefined)
      throw new ConfigError('sigmas', given.sigmas, ['timesteps or sigmas'], 'come with timesteps')
    const sigmas = descending('sigmas', given.sigmas, 0)
    if (flow && sigmas[0]! > 1) throw new ConfigError('sigmas', sigmas, ['0 … 1'], 'are no levels of a flow')
    const label = (s: number): number =>
      flow ? Math.trunc(s * o.num_train_timesteps) : labelOf(s, train, gridOf(o) === undefined)
    return { timesteps: sigmas.slice(0, -1).map(label), levels: sigmas.map((s) => levelOf(s, flow)) }
  }
  const { timesteps, sigmas } = stepLevels(steps, o, train, given, rounded)
  const least = repeatsLast && gridOf(o) !== undefined ? sigmas.at(-1)! : train[0]!
  const last = o.final_sigmas_type === 'zero' ? 0 : least
  return { timesteps, levels: [...sigmas, last].map((s) => levelOf(s, flow)) }
}
