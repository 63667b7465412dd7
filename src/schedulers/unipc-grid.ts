/** The grid of UniPC: that of the exponential integrators, with a flow's own beginning, shift and end. */
import { ConfigError } from '../errors.ts'
import { shifted } from './flow-grid.ts'
import { lambdaGrid, levelOf, type LambdaGrid, type LambdaGridFields } from './lambda-grid.ts'
import { descending } from './sigma-grid.ts'
import { gridOf, karrasSigmas, trainSigmas } from './sigmas.ts'
import { stepCount } from './spacing.ts'
import { forwardProcess } from './variance-preserving.ts'

/** What determines the grid. */
export type UnipcGridFields = LambdaGridFields & {
  readonly use_dynamic_shifting: boolean
  readonly time_shift_type: 'exponential' | 'linear'
  readonly shift_terminal: number | null
  readonly sigma_min: number | null
  readonly sigma_max: number | null
}

/**
 * Timesteps, or levels of a flow without the final one, given by hand; how many steps to leave out; `mu`, the shift for the image's size,
 * which only a config with `use_dynamic_shifting` reads.
 */
export type UnipcGridOptions = {
  readonly timesteps?: readonly number[]
  readonly sigmas?: readonly number[]
  readonly begin?: number
  readonly mu?: number
}

/** A flow starts this much below σ = 1, where λ is −∞, in float32, in which the original keeps σ. */
const margin = 1e-6

/** The shift of a flow: a σ/(1 + (a − 1) σ). Throws `ConfigError`. */
const shiftOf = (o: UnipcGridFields, mu: number | undefined): number => {
  const shift = !o.use_dynamic_shifting ? (o.flow_shift ?? 1) : o.time_shift_type === 'linear' ? mu! : Math.exp(mu!)
  if (!(shift > 0 && shift < Infinity))
    throw new ConfigError(
      o.use_dynamic_shifting ? 'mu' : 'flow_shift',
      o.use_dynamic_shifting ? mu : o.flow_shift,
      ['a finite shift above 0'],
      'is no shift',
    )
  return shift
}

/** σ of a flow, evenly spaced from 1 to 1/T without that end, or given; shifted, stretched to its end, kept under 1. */
const flowLevels = (steps: number, o: UnipcGridFields, { sigmas, mu }: UnipcGridOptions): readonly number[] => {
  const total = o.num_train_timesteps
  const n = sigmas === undefined ? stepCount(steps, total) : sigmas.length
  // In the original's order of operations: labels are σ T cut off, and one rounding more or less would move them.
  const even = sigmas ?? Array.from({ length: n }, (_, i) => i * ((1 / total - 1) / n) + 1)
  descending('sigmas', even, 0)
  if (even[0]! > 1 || even.at(-1)! <= 0)
    throw new ConfigError('sigmas', sigmas, ['numbers over 0 and up to 1'], 'are no levels of a flow')
  const shift = shiftOf(o, mu)
  const moved = even.map((s) => (o.use_dynamic_shifting ? shift / (shift + (1 / s - 1)) : shifted(s, shift)))
  const stretch = o.shift_terminal ? (1 - moved.at(-1)!) / (1 - o.shift_terminal) : 1
  const ended = stretch === 1 || stretch === 0 ? moved : moved.map((s) => 1 - (1 - s) / stretch)
  return ended.map((s, i) => (i === 0 && Math.abs(s - 1) < margin ? Math.fround(s - margin) : s))
}

/** Karras's σ, between the ends of training or those given, as a flow's: σ/(σ + 1). */
const karrasFlow = (steps: number, o: UnipcGridFields): readonly number[] => {
  const train = trainSigmas(forwardProcess(o).alphasCumprod)
  const n = stepCount(steps, o.num_train_timesteps)
  return karrasSigmas(o.sigma_max ?? train.at(-1)!, o.sigma_min ?? train[0]!, n).map((s) => s / (s + 1))
}

/** n labels and n + 1 levels. Throws `ConfigError`, also where Karras's first levels of a flow share a label, which diffusers cannot start from. */
export const unipcGrid = (steps: number, o: UnipcGridFields, options: UnipcGridOptions = {}): LambdaGrid => {
  const { sigmas: given, mu, timesteps } = options
  const { use_dynamic_shifting: dynamic, ...rest } = o
  if (dynamic && mu === undefined)
    throw new ConfigError('mu', null, ['a number'], 'is missing, which use_dynamic_shifting needs,')
  if (o.use_flow_sigmas !== true) {
    if (given !== undefined)
      throw new ConfigError('sigmas', given, ['timesteps', 'use_flow_sigmas true'], 'are levels of a flow,')
    if (o.shift_terminal !== null)
      throw new ConfigError(
        'shift_terminal',
        o.shift_terminal,
        ['null', 'use_flow_sigmas true'],
        'is the end of a flow,',
      )
    return lambdaGrid(steps, rest, timesteps === undefined ? {} : { timesteps }, { repeatsLast: true })
  }
  const karras = o.use_karras_sigmas === true
  gridOf({ ...rest, use_karras_sigmas: false })
  const blame = timesteps !== undefined ? 'timesteps' : karras && given !== undefined ? 'sigmas' : undefined
  if (blame !== undefined)
    throw new ConfigError(blame, options[blame], [], `come with ${karras ? 'use_karras_sigmas' : 'use_flow_sigmas'}`)
  const sigmas = karras ? karrasFlow(steps, o) : flowLevels(steps, o, options)
  const labels = sigmas.map((s) => Math.trunc(s * o.num_train_timesteps))
  if (karras && labels[0] === labels[1])
    throw new ConfigError(
      'use_karras_sigmas',
      true,
      ['false', 'a lower sigma_max', 'fewer steps'],
      'crowds the first levels of a flow under one label',
    )
  const last = o.final_sigmas_type === 'zero' ? 0 : sigmas.at(-1)!
  return { timesteps: labels, levels: [...sigmas, last].map((s) => levelOf(s, true)) }
}
