/** Every family, under configs of every kind that it has, with what the laws need to be told of it. */
import type { Answer, Parametrization, Subject, Traits } from '../../../src/laws/law.ts'
import { families, type SchedulerName } from '../../../src/schedulers/by-name.ts'
import type { SchedulerConfig } from '../../../src/schedulers/config.ts'

/** A scheduler for every step count. */
export type LawSubject = { readonly name: string; readonly make: (steps: number) => Subject; readonly traits: Traits }

/** A family under a config and options. */
export const made =
  (family: SchedulerName, config: SchedulerConfig, options: object = {}) =>
  (steps: number): Subject =>
    // Families differ in their states and coefficients, which no law looks into.
    (families[family].make as unknown as (c: SchedulerConfig, n: number, o: object) => Subject)(config, steps, options)

const of = (family: SchedulerName, config: SchedulerConfig, traits: Traits, options: object = {}): LawSubject => ({
  name: [family, JSON.stringify(config), ...(Object.keys(options).length > 0 ? [JSON.stringify(options)] : [])].join(
    ' ',
  ),
  make: made(family, config, options),
  traits,
})

// Reasons for which a law is not obeyed.
const rounded = 'β₀ as trained and 1 − ᾱ₀ in float32 differ by 5e-4, and the last step divides them'
const combined = 'combines answers in v of different levels as they are'
const noSignal = 'takes x₀ for 0 where nothing of the signal is left, as diffusers does'
const stays = 'its first step stays at the first level'
const late = 'takes the noise of its jumps one stride too late, as diffusers does'
const maruyama = 'Euler–Maruyama steps are exact for no model'
const churned = 'asks the model at the level that noise was churned in up to'
const pictures = 'its network sees pictures in [0, 1]'
const atLeast = 'counts x₀ as a sample at the least level: draws have the variance σ² − σ_min²'
const langevin = 'its corrections are as long as norms over the batch say'
const forward = 'adds the noise of the forward step, which is more than the posterior has'
const raw = 'its network scales samples itself'
const inNoise = 'integrates ε, which is not constant where noise is added'
const unclipped = { clip_sample: false }
const predictions = ['epsilon', 'sample', 'v_prediction'] as const
const sigmaGrids = [
  {},
  { use_karras_sigmas: true },
  { use_exponential_sigmas: true },
  { use_beta_sigmas: true },
] as const
const exponential = { use_exponential_sigmas: true }

/** The same family under each prediction type, for law 5. */
const parametrized = (
  family: SchedulerName,
  config: SchedulerConfig,
  options: object = {},
): { readonly [P in Parametrization]: (steps: number) => Subject } => ({
  epsilon: made(family, { ...config, prediction_type: 'epsilon' }, options),
  sample: made(family, { ...config, prediction_type: 'sample' }, options),
  v_prediction: made(family, { ...config, prediction_type: 'v_prediction' }, options),
})

type Each = Omit<Traits, 'prediction' | 'refined'> & {
  readonly options?: object
  readonly refined?: SchedulerConfig
  readonly answers?: readonly (typeof predictions)[number][]
  readonly asked?: Answer
}

/**
 * A family under every one of the configs, the first under every prediction type that it takes and, for law 14,
 * `refined`.
 */
const each = (
  family: SchedulerName,
  configs: readonly SchedulerConfig[],
  { options = {}, refined, answers = predictions, asked, ...traits }: Each,
): readonly LawSubject[] =>
  configs.flatMap((config, i) =>
    (i === 0 ? answers : ['epsilon' as const]).map((prediction) => {
      const first = i === 0 && prediction === 'epsilon'
      const plain: Traits = { ...traits, prediction: asked ?? prediction }
      const graded: Traits =
        first && refined !== undefined ? { ...plain, refined: made(family, { ...config, ...refined }, options) } : plain
      const full: Traits =
        first && answers.length === 3 ? { ...graded, parametrized: parametrized(family, config, options) } : graded
      return of(family, prediction === 'epsilon' ? config : { ...config, prediction_type: prediction }, full, options)
    }),
  )

const mixed: Answer = (_, at) => at
const inTime: readonly LawSubject[] = [
  ...each('ddim', [unclipped, { ...unclipped, set_alpha_to_one: false, beta_schedule: 'scaled_linear' }], {
    end: 'noisy',
  }),
  ...each('ddim_parallel', [unclipped], {}),
  ...each('ddim', [unclipped], { kind: 'sde', options: { eta: 0.5 } }),
  ...each('ddim', [unclipped], { kind: 'sde', options: { eta: 1 } }),
  ...each('ddpm', [unclipped, { ...unclipped, timestep_spacing: 'trailing', beta_schedule: 'squaredcos_cap_v2' }], {
    kind: 'sde',
  }),
  ...each('ddpm_parallel', [unclipped], { kind: 'sde' }),
  of('unclip', unclipped, {
    prediction: 'epsilon',
    kind: 'sde',
    steps: { min: 2 },
    exempt: { 7: rounded, 13: rounded },
  }),
  ...each('pndm', [{ skip_prk_steps: true, set_alpha_to_one: true }], {
    ...{ order: 2, calls: 2, tensors: 6, steps: { min: 2 }, answers: ['epsilon'] },
  }),
  of(
    'pndm',
    { skip_prk_steps: true, prediction_type: 'v_prediction' },
    {
      prediction: 'v_prediction',
      ...{ calls: 2, tensors: 6, end: 'noisy', steps: { min: 2 } },
      exempt: { 6: combined, 7: combined, 13: combined },
    },
  ),
  // Runge–Kutta steps are half a stride wide: of an odd stride, half is not whole.
  of(
    'pndm',
    { set_alpha_to_one: true },
    { prediction: 'epsilon', calls: 4, tensors: 6, steps: { min: 5, multipleOf: 5 } },
  ),
  of('ipndm', {}, { prediction: 'v_prediction', tensors: 4, exempt: { 6: noSignal, 7: noSignal, 13: noSignal } }),
  ...each('ddim_inverse', [{ ...unclipped, set_alpha_to_one: false }], {
    ascending: true,
    end: 'noisy',
    exempt: { 2: stays },
  }),
  ...each('lcm', [unclipped], { kind: 'consistency', asked: mixed }),
  ...each('tcd', [unclipped], { kind: 'consistency', end: 'noisy' }),
  of(
    'scm',
    { sigma_data: 1 },
    { prediction: ({ kept, told }) => ({ signal: kept, noise: -told }), kind: 'consistency' },
  ),
  of(
    'repaint',
    unclipped,
    { prediction: 'epsilon', kind: 'sde', exempt: { 2: 'jumps back', 13: late } },
    { jumpLength: 2, jumpSamples: 2 },
  ),
  of('score_sde_vp', {}, { prediction: 'epsilon', kind: 'sde', tensors: 2, exempt: { 7: maruyama, 13: maruyama } }),
]

/** Solvers in σ. */
const karrasVe: Answer = ({ told }) => ({ signal: 1, noise: Math.sqrt(2 * told) })
const score: Answer = ({ told }) => ({ signal: 1, noise: Math.sqrt(told) })
const churning = { prediction: 'epsilon', kind: 'sde', exempt: { 8: churned, 24: churned } } as const
const inSigma: readonly LawSubject[] = [
  ...each('euler', sigmaGrids, { order: 1, refined: exponential }),
  of('euler', {}, churning, { churn: 4 }),
  ...each('heun', sigmaGrids, { order: 2, calls: 2, tensors: 3, refined: exponential }),
  ...each('kdpm2', sigmaGrids, { order: 2, calls: 2, refined: exponential }),
  ...each('lms', sigmaGrids, { order: 3, tensors: 4, refined: exponential }),
  ...each('euler_a', [{}], { kind: 'sde' }),
  ...each('kdpm2_a', sigmaGrids, { kind: 'sde', calls: 2, tensors: 2 }),
  ...each('dpm_sde', sigmaGrids, { kind: 'sde', calls: 2, tensors: 3, answers: ['epsilon', 'v_prediction'] }),
  of('edm_euler', {}, { prediction: { sigmaData: 0.5 } }),
  of(
    'edm_euler',
    { prediction_type: 'v_prediction', sigma_schedule: 'exponential' },
    { prediction: { sigmaData: 0.5 }, steps: { min: 2 } },
  ),
  of('edm_euler', {}, { ...churning, prediction: { sigmaData: 0.5 } }, { churn: 4 }),
  of(
    'karras_ve',
    { s_churn: 0, sigma_max: 10 },
    { prediction: karrasVe, calls: 2, tensors: 3, exempt: { 24: pictures } },
  ),
  of(
    'karras_ve',
    { s_noise: 1, sigma_max: 10 },
    { prediction: karrasVe, kind: 'sde', calls: 2, tensors: 3, exempt: { 8: churned, 24: pictures } },
  ),
  of(
    'cm',
    { clip_denoised: false },
    { prediction: mixed, kind: 'consistency', end: 'noisy', dataDeviation: 0.5, exempt: { 13: atLeast } },
  ),
  of(
    'score_sde_ve',
    {},
    {
      prediction: score,
      kind: 'sde',
      calls: 2,
      tensors: 2,
      end: 'noisy',
      exempt: { 13: langevin, 17: langevin, 24: raw },
    },
  ),
  of(
    'score_sde_ve',
    { correct_steps: 0 },
    { prediction: score, kind: 'sde', tensors: 2, end: 'noisy', exempt: { 13: forward, 24: raw } },
  ),
]

/** Solvers in λ. */
const lambdaGrids = [
  {},
  { use_karras_sigmas: true },
  { use_flow_sigmas: true, flow_shift: 3 },
  { timestep_spacing: 'trailing' },
] as const
const fine = { ...exponential, lower_order_final: false }
const inLambda: readonly LawSubject[] = [
  ...([1, 2, 3] as const).flatMap((order) => {
    const grids = (order === 2 ? lambdaGrids : [{}]).map((g) => ({ ...g, solver_order: order }))
    // Of three answers the third is an order lower where it starts: the order of DPM-Solver++(3M) is 2.
    const capped = Math.min(order, 2)
    return [
      ...each('dpm', grids, { order: capped, tensors: order, refined: fine }),
      ...each('dpm_single', grids, { order, tensors: order + 1, refined: fine }),
      ...each('deis', grids, { order, tensors: order, end: 'noisy', refined: fine }),
      ...each('unipc', grids, { order: Math.min(order + 1, 3), tensors: order + 1, refined: fine }),
      ...each('dpm_inverse', [{ solver_order: order }], { tensors: order, ascending: true, end: 'noisy' }),
    ]
  }),
  ...(['midpoint', 'heun'] as const).flatMap((solver_type) => {
    const ode = { solver_type, algorithm_type: 'dpmsolver', final_sigmas_type: 'sigma_min' }
    return [
      ...each('dpm', [ode], { order: 2, end: 'noisy', refined: fine }),
      ...each('dpm', [{ solver_type, algorithm_type: 'sde-dpmsolver++' }], { kind: 'sde', order: 2 }),
      of(
        'dpm',
        { ...ode, algorithm_type: 'sde-dpmsolver' },
        { prediction: 'epsilon', kind: 'sde', order: 2, end: 'noisy', exempt: { 13: inNoise } },
      ),
      ...each('dpm_single', [ode], { order: 2, end: 'noisy', tensors: 3, refined: fine }),
      ...each('dpm_single', [{ solver_type, algorithm_type: 'sde-dpmsolver++' }], {
        kind: 'sde',
        order: 2,
        tensors: 3,
      }),
    ]
  }),
  ...each('unipc', [{ solver_type: 'bh1' }], { order: 2, tensors: 3, refined: fine }),
  ...each('unipc', [{ predict_x0: false }], { order: 2, tensors: 3, end: 'noisy', refined: fine }),
  ...each('unipc', [{ disable_corrector: Array.from({ length: 130 }, (_, i) => i) }], {
    ...{ order: 2, tensors: 3, refined: fine },
  }).map((s) => ({ ...s, name: 'unipc without corrector' })),
  ...each('sa', lambdaGrids, { order: 2, tensors: 3, end: 'noisy', options: { tau: () => 0 }, refined: fine }),
  ...each('sa', lambdaGrids, { kind: 'sde', order: 2, tensors: 3, end: 'noisy', options: { tau: () => 1 } }),
  ...each('sa', [{}], { kind: 'sde', order: 2, tensors: 3, end: 'noisy' }),
  of('edm_dpm', {}, { prediction: { sigmaData: 0.5 }, order: 2 }),
  of(
    'edm_dpm',
    { solver_order: 3, sigma_schedule: 'exponential' },
    { prediction: { sigmaData: 0.5 }, tensors: 3, steps: { min: 2 } },
  ),
  of('edm_dpm', { algorithm_type: 'sde-dpmsolver++' }, { prediction: { sigmaData: 0.5 }, kind: 'sde', order: 2 }),
  // A single level of an exponential EDM grid is the least, as diffusers has it.
  of('cosine_dpm', {}, { prediction: { sigmaData: 1 }, kind: 'sde', order: 2, steps: { min: 2 } }),
]

const flowing = { prediction_type: 'flow_prediction', use_flow_sigmas: true, flow_shift: 3 }
const flows: readonly LawSubject[] = [
  of('flow_euler', {}, { prediction: 'flow' }),
  of('flow_euler', { shift: 3 }, { prediction: 'flow' }),
  of('flow_euler', { stochastic_sampling: true }, { prediction: 'flow', kind: 'consistency' }),
  of('flow_heun', {}, { prediction: 'flow', calls: 2, tensors: 3 }),
  of('flow_lcm', {}, { prediction: 'flow', kind: 'consistency' }),
  of('unipc', flowing, { prediction: 'flow', tensors: 3 }),
  of('dpm', flowing, { prediction: 'flow', tensors: 2 }),
]

/** Families that keep x₀ in a range. */
const thresholding = { ...unclipped, thresholding: true }
const ranged: readonly LawSubject[] = [
  of('ddim', {}, { prediction: 'epsilon', range: 1 }),
  of('ddim', { ...thresholding, sample_max_value: 1.5 }, { prediction: 'epsilon', range: 1 }),
  of('ddpm', thresholding, { prediction: 'epsilon', kind: 'sde', range: 1 }),
  of('heun', { clip_sample: true, clip_sample_range: 2 }, { prediction: 'epsilon', calls: 2, tensors: 3, range: 2 }),
  of('dpm', thresholding, { prediction: 'epsilon', order: 2, range: 1 }),
  of('unipc', thresholding, { prediction: 'epsilon', tensors: 3, range: 1 }),
  of('cm', {}, { prediction: mixed, kind: 'consistency', range: 1 }),
]

/** All of them, on grids of at most 12 steps. */
export const subjects: readonly LawSubject[] = [...inTime, ...inSigma, ...inLambda, ...flows, ...ranged].map((s) => ({
  ...s,
  traits: { ...s.traits, steps: { max: 12, ...s.traits.steps } },
}))
