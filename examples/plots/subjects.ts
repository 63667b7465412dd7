/** The methods whose convergence is measured, each on a grid evenly spaced in ln σ between the same two levels where it can have one. */
import type { Answer, Subject } from '../../src/laws/law.ts'
import { families, type SchedulerName } from '../../src/schedulers/by-name.ts'
import type { SchedulerConfig } from '../../src/schedulers/config.ts'
import { gaussianError, type Point } from './measure.ts'

/** A method: how it is called, the order it claims, whether it draws, and its errors as the calls double. */
export type Curve = {
  readonly name: string
  readonly order: number | undefined
  readonly sde: boolean
  readonly block: number
  readonly points: readonly Point[]
}

type Method = {
  readonly family: SchedulerName
  /** What is shown beside the family: what of its config or options is not the default. */
  readonly options?: string
  /** The order that its documentation claims, if any. */
  readonly order?: number
  readonly sde?: boolean
  readonly answer?: Answer
  readonly config?: (steps: number) => SchedulerConfig
  readonly run?: (steps: number) => object
  /** Model calls in a step, 1 unless given; and the steps of a run that reaches its last level after so many calls. */
  readonly block?: number
  readonly steps?: (calls: number) => number
}

/** A family under a config and options. Families differ in their states and coefficients, which nothing here looks into. */
export const made = (family: SchedulerName, config: SchedulerConfig, steps: number, options: object = {}): Subject =>
  (families[family].make as unknown as (c: SchedulerConfig, n: number, o: object) => Subject)(config, steps, options)

/** Stable Diffusion's betas, and the least and greatest σ = √((1 − ᾱ)/ᾱ) that they give. */
const latent = { beta_start: 0.00085, beta_end: 0.012, beta_schedule: 'scaled_linear' } as const
const [least, greatest] = [0.0291671, 14.6146] as const

/** σ at a share of the way from the least to the greatest, evenly in ln σ. */
const levelAt = (share: number): number => least * (greatest / least) ** share
const bar = (sigma: number): number => 1 / (1 + sigma * sigma)

/** Betas of a process whose labels r, 2r, … n r are evenly spaced in ln σ, for methods that know their levels by trained timesteps alone. */
const evenBetas = (steps: number, r: number): SchedulerConfig => {
  const bars = Array.from({ length: steps * r + 1 }, (_, label) => bar(levelAt((label - r) / ((steps - 1) * r))))
  return {
    num_train_timesteps: bars.length,
    trained_betas: bars.map((b, i) => 1 - b / (bars[i - 1] ?? 1)),
    timestep_spacing: 'leading',
    steps_offset: r,
    clip_sample: false,
  }
}

const exponential = { ...latent, use_exponential_sigmas: true }
const inSigma = () => exponential
const inLambda = (fields: SchedulerConfig) => () => ({ ...exponential, ...fields })
const ends = { sigma_min: least, sigma_max: greatest }
const edm = (fields: SchedulerConfig) => () => ({ ...ends, sigma_data: 0.5, sigma_schedule: 'exponential', ...fields })
const sdeTau = () => ({ tau: () => 1 })
const odeTau = () => ({ tau: () => 0 })
const byBetas = (n: number) => evenBetas(n, 1)
const pairs = { block: 2, steps: (calls: number) => calls / 2 + 1 }

const dpm = (order: number, fields: SchedulerConfig, options: string, sde = false): Method => ({
  family: 'dpm',
  options,
  order,
  sde,
  config: inLambda({ solver_order: order, lower_order_final: false, ...fields }),
})
const single = (order: 1 | 2 | 3): Method => ({
  family: 'dpm_single',
  options: `order ${order}`,
  order,
  block: order,
  steps: (calls) => order * Math.round(calls / order) + 1,
  config: inLambda({ solver_order: order }),
})

/** Every method that follows the path or the process of its model. Those of consistency models do not: see the page. */
export const methods: readonly Method[] = [
  { family: 'ddim', order: 1, config: byBetas },
  { family: 'ddim_inverse', order: 1, config: byBetas },
  { family: 'euler', order: 1, config: inSigma },
  { family: 'edm_euler', order: 1, answer: { sigmaData: 0.5 }, config: edm({}) },
  { family: 'flow_euler', order: 1, answer: 'flow' },
  dpm(1, {}, 'order 1'),
  { family: 'heun', order: 2, ...pairs, config: inSigma },
  { family: 'kdpm2', order: 2, ...pairs, config: inSigma },
  { family: 'flow_heun', order: 2, ...pairs, answer: 'flow' },
  {
    family: 'karras_ve',
    options: 's_churn 0',
    order: 2,
    ...pairs,
    answer: ({ told }) => ({ signal: 1, noise: Math.sqrt(2 * told) }),
    config: () => ({ sigma_min: Math.sqrt(least), sigma_max: Math.sqrt(greatest), s_churn: 0 }),
  },
  dpm(2, {}, 'order 2'),
  dpm(2, { algorithm_type: 'dpmsolver', final_sigmas_type: 'sigma_min' }, 'order 2, dpmsolver'),
  single(2),
  {
    family: 'edm_dpm',
    options: 'order 2',
    order: 2,
    answer: { sigmaData: 0.5 },
    config: edm({ lower_order_final: false }),
  },
  { family: 'dpm_inverse', options: 'order 2', order: 2, config: inLambda({ lower_order_final: false }) },
  { family: 'deis', options: 'order 2', order: 2, config: inLambda({ lower_order_final: false }) },
  { family: 'sa', options: 'tau 0', order: 2, config: inLambda({ lower_order_final: false }), run: odeTau },
  {
    family: 'unipc',
    options: 'order 1',
    order: 2,
    config: inLambda({ solver_order: 1, lower_order_final: false }),
  },
  {
    family: 'unipc',
    options: 'order 2',
    order: 3,
    config: inLambda({ solver_order: 2, lower_order_final: false }),
  },
  {
    family: 'unipc',
    options: 'order 3',
    order: 4,
    config: inLambda({ solver_order: 3, lower_order_final: false }),
  },
  dpm(3, {}, 'order 3'),
  single(3),
  {
    family: 'deis',
    options: 'order 3',
    order: 3,
    config: inLambda({ solver_order: 3, lower_order_final: false }),
  },
  { family: 'lms', options: 'order 4', order: 4, config: inSigma },
  { family: 'pndm', order: 4, config: (n) => evenBetas(n, 2), steps: (calls) => calls - 8 },
  {
    family: 'pndm',
    options: 'skip_prk_steps',
    order: 4,
    config: (n) => ({ ...byBetas(n), skip_prk_steps: true }),
    steps: (calls) => calls,
  },
  {
    family: 'ipndm',
    order: 4,
    answer: 'v_prediction',
    config: (n) => ({
      trained_betas: [...Array.from({ length: n }, (_, i) => Math.sqrt(1 - bar(levelAt(1 - i / (n - 1))))), 0],
    }),
  },
  { family: 'ddpm', sde: true, config: byBetas },
  { family: 'ddim', options: 'eta 1', sde: true, config: byBetas, run: () => ({ eta: 1 }) },
  {
    family: 'euler_a',
    order: 1,
    sde: true,
    run: (n) => ({ sigmas: [...Array.from({ length: n }, (_, i) => levelAt(1 - i / (n - 1))), 0] }),
  },
  { family: 'kdpm2_a', sde: true, ...pairs, config: inSigma },
  { family: 'dpm_sde', order: 2, sde: true, ...pairs, config: inSigma },
  dpm(1, { algorithm_type: 'sde-dpmsolver++' }, 'order 1, SDE', true),
  dpm(2, { algorithm_type: 'sde-dpmsolver++' }, 'order 2, SDE', true),
  {
    family: 'cosine_dpm',
    order: 2,
    sde: true,
    answer: { sigmaData: 1 },
    config: edm({ sigma_data: 1, lower_order_final: false }),
  },
  { family: 'sa', options: 'tau 1', sde: true, config: inLambda({ lower_order_final: false }), run: sdeTau },
  {
    family: 'score_sde_ve',
    options: 'correct_steps 0',
    sde: true,
    answer: ({ told }) => ({ signal: 1, noise: Math.sqrt(told) }),
    config: () => ({ ...ends, sampling_eps: 1e-9, correct_steps: 0 }),
  },
  { family: 'score_sde_vp', sde: true },
]

/** Calls of the model, as near as a method has them. */
export const budgets = [8, 16, 32, 64, 128, 256] as const

const stepsOf = ({ steps = (calls: number) => calls + 1 }: Method): ((calls: number) => number) => steps

/** A method as a curve of these points. */
const withPoints = ({ family, options, order, sde = false, block = 1 }: Method, points: readonly Point[]): Curve => ({
  name: options === undefined ? family : `${family}, ${options}`,
  order,
  sde,
  block,
  points,
})

/** What a method measures within these budgets, leaving out those too small for it. */
export const curveOf = (method: Method, within: readonly number[] = budgets): Curve => {
  const { family, config, run, block = 1, answer = 'epsilon', sde = false } = method
  const points = within
    .filter((calls) => stepsOf(method)(calls) >= 4)
    .map((calls) => {
      const n = stepsOf(method)(calls)
      const scheduler = made(family, config?.(n) ?? {}, n, run?.(n))
      return gaussianError({ scheduler, answer, block }, sde ? calls + 2 : 0)
    })
  return withPoints(method, points)
}

/** Curves as a table of tab-separated values: method, calls, error to six digits. */
export const tsvOf = (curves: readonly Curve[]): string =>
  [
    'method\tcalls\terror',
    ...curves.flatMap(({ name, points }) => points.map((p) => `${name}\t${p.calls}\t${p.error.toExponential(5)}`)),
    '',
  ].join('\n')

/** The curves of all methods, from such a table. */
export const curvesOf = (tsv: string): readonly Curve[] => {
  const rows = tsv
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t') as [string, string, string])
  return methods.map((method) => {
    const { name } = withPoints(method, [])
    return withPoints(
      method,
      rows.filter((row) => row[0] === name).map(([, calls, error]) => ({ calls: Number(calls), error: Number(error) })),
    )
  })
}
