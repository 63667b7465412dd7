/** Every family, under configs of every kind that it has, with what the laws need to be told of it. */
import type { Subject, Traits } from '../../../src/laws/law.ts'
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

const rounded = 'β₀ as trained and 1 − ᾱ₀ in float32 differ by 5e-4, and the last step divides them'
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
): Traits['parametrized'] => ({
  epsilon: made(family, { ...config, prediction_type: 'epsilon' }, options),
  sample: made(family, { ...config, prediction_type: 'sample' }, options),
  v_prediction: made(family, { ...config, prediction_type: 'v_prediction' }, options),
})

/** A family under every one of the configs, the first under every prediction type that it takes. */
const each = (
  family: SchedulerName,
  configs: readonly SchedulerConfig[],
  {
    options = {},
    refined,
    answers = predictions,
    ...traits
  }: Omit<Traits, 'prediction' | 'refined'> & {
    readonly options?: object
    readonly refined?: SchedulerConfig
    readonly answers?: readonly (typeof predictions)[number][]
  },
): readonly LawSubject[] =>
  configs.flatMap((config, i) =>
    (i === 0 ? answers : ['epsilon' as const]).map((prediction) =>
      of(
        family,
        { ...config, ...(prediction === 'epsilon' ? {} : { prediction_type: prediction }) },
        {
          ...traits,
          prediction,
          ...(refined === undefined || i > 0 || prediction !== 'epsilon'
            ? {}
            : { refined: made(family, { ...config, ...refined, prediction_type: prediction }, options) }),
          ...(i === 0 && prediction === 'epsilon' && answers.length === 3
            ? { parametrized: parametrized(family, config, options) }
            : {}),
        },
        options,
      ),
    ),
  )

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
  of('unclip', unclipped, { prediction: 'epsilon', kind: 'sde', steps: { min: 2 }, exempt: { 7: rounded, 13: rounded } }),
  ...each('pndm', [{ skip_prk_steps: true, set_alpha_to_one: true }], {
    order: 2,
    calls: 2,
    tensors: 6,
    steps: { min: 2 },
    answers: ['epsilon', 'v_prediction'],
  }),
  of('pndm', { set_alpha_to_one: true }, { prediction: 'epsilon', order: 2, calls: 4, tensors: 6, steps: { min: 4 } }),
  of('ipndm', {}, { prediction: 'v_prediction', order: 2, tensors: 4 }),
  ...each('ddim_inverse', [{ ...unclipped, set_alpha_to_one: false }], { ascending: true, end: 'noisy' }),
  ...each('lcm', [unclipped], { kind: 'consistency' }),
  ...each('tcd', [unclipped], { kind: 'consistency' }),
  of(
    'scm',
    { sigma_data: 1 },
    { prediction: ({ kept, told }) => ({ signal: kept, noise: -told }), kind: 'consistency' },
  ),
  of(
    'repaint',
    unclipped,
    { prediction: 'epsilon', kind: 'sde', steps: { max: 12 } },
    { jumpLength: 2, jumpSamples: 2 },
  ),
  of('score_sde_vp', {}, { prediction: 'epsilon', kind: 'sde' }),
]

/** Solvers in σ. */
const inSigma: readonly LawSubject[] = [
  ...each('euler', sigmaGrids, { order: 1, refined: exponential }),
  of('euler', {}, { prediction: 'epsilon', kind: 'sde' }, { churn: 4 }),
  ...each('heun', sigmaGrids, { order: 2, calls: 2, tensors: 3, refined: exponential }),
  ...each('kdpm2', sigmaGrids, { order: 2, calls: 2, refined: exponential }),
  ...each('lms', sigmaGrids, { order: 2, tensors: 4, refined: exponential }),
  ...each('euler_a', [{}], { kind: 'sde' }),
  ...each('kdpm2_a', sigmaGrids, { kind: 'sde', calls: 2, tensors: 2 }),
  ...each('dpm_sde', sigmaGrids, { kind: 'sde', calls: 2, tensors: 3, answers: ['epsilon', 'v_prediction'] }),
  of('edm_euler', {}, { prediction: { sigmaData: 0.5 } }),
  of(
    'edm_euler',
    { prediction_type: 'v_prediction', sigma_schedule: 'exponential' },
    { prediction: { sigmaData: 0.5 } },
  ),
  of('edm_euler', {}, { prediction: { sigmaData: 0.5 }, kind: 'sde' }, { churn: 4 }),
  of(
    'karras_ve',
    { s_churn: 0 },
    { prediction: ({ told }) => ({ signal: 1, noise: Math.sqrt(2 * told) }), order: 2, calls: 2, tensors: 3 },
  ),
  of(
    'karras_ve',
    { s_noise: 1 },
    { prediction: ({ told }) => ({ signal: 1, noise: Math.sqrt(2 * told) }), kind: 'sde', calls: 2, tensors: 3 },
  ),
  of('cm', { clip_denoised: false }, { prediction: 'sample', kind: 'consistency', end: 'noisy', steps: { max: 20 } }),
  of(
    'score_sde_ve',
    {},
    { prediction: ({ told }) => ({ signal: 1, noise: Math.sqrt(told) }), kind: 'sde', calls: 2, tensors: 2 },
  ),
  of(
    'score_sde_ve',
    { correct_steps: 0 },
    { prediction: ({ told }) => ({ signal: 1, noise: Math.sqrt(told) }), kind: 'sde', tensors: 2 },
  ),
]

/** Solvers in λ. */
const lambdaGrids = [
  {},
  { use_karras_sigmas: true },
  { use_flow_sigmas: true, flow_shift: 3 },
  { timestep_spacing: 'trailing' },
] as const
const fine = { use_exponential_sigmas: true, lower_order_final: false }
const inLambda: readonly LawSubject[] = [
  ...([1, 2, 3] as const).flatMap((order) => [
    ...each(
      'dpm',
      lambdaGrids.map((g) => ({ ...g, solver_order: order })),
      { order: Math.min(order, 2), tensors: order, refined: fine },
    ),
    ...each(
      'dpm_single',
      lambdaGrids.map((g) => ({ ...g, solver_order: order })),
      { order: Math.min(order, 2), tensors: order + 1, refined: fine },
    ),
    ...each(
      'deis',
      lambdaGrids.map((g) => ({ ...g, solver_order: order })),
      { order, tensors: order, end: 'noisy', refined: fine },
    ),
    ...each(
      'unipc',
      lambdaGrids.map((g) => ({ ...g, solver_order: order })),
      { order, tensors: order + 1, refined: fine },
    ),
    ...each('dpm_inverse', [{ solver_order: order }, { solver_order: order, timestep_spacing: 'trailing' }], {
      order: Math.min(order, 2),
      tensors: order,
      ascending: true,
      end: 'noisy',
    }),
  ]),
  ...(['midpoint', 'heun'] as const).flatMap((solver_type) => [
    ...each('dpm', [{ solver_type, algorithm_type: 'dpmsolver', final_sigmas_type: 'sigma_min' }], {
      order: 2,
      end: 'noisy',
      refined: fine,
    }),
    ...each('dpm', [{ solver_type, algorithm_type: 'sde-dpmsolver++' }], { kind: 'sde', order: 2 }),
    ...each('dpm', [{ solver_type, algorithm_type: 'sde-dpmsolver', final_sigmas_type: 'sigma_min' }], {
      kind: 'sde',
      order: 2,
      end: 'noisy',
    }),
    ...each('dpm_single', [{ solver_type, algorithm_type: 'dpmsolver', final_sigmas_type: 'sigma_min' }], {
      order: 2,
      end: 'noisy',
      tensors: 3,
      refined: fine,
    }),
    ...each('dpm_single', [{ solver_type, algorithm_type: 'sde-dpmsolver++' }], { kind: 'sde', order: 2, tensors: 3 }),
  ]),
  ...each('unipc', [{ solver_type: 'bh1' }], { order: 2, tensors: 3, refined: fine }),
  ...each('unipc', [{ predict_x0: false }], { order: 2, tensors: 3, end: 'noisy', refined: fine }),
  ...each('unipc', [{ disable_corrector: Array.from({ length: 300 }, (_, i) => i) }], {
    order: 2,
    tensors: 3,
    refined: fine,
  }),
  ...each('sa', lambdaGrids, { order: 2, tensors: 3, end: 'noisy', options: { tau: () => 0 }, refined: fine }),
  ...each('sa', lambdaGrids, { kind: 'sde', order: 2, tensors: 3, end: 'noisy', options: { tau: () => 1 } }),
  ...each('sa', [{}], { kind: 'sde', order: 2, tensors: 3, end: 'noisy' }),
  of('edm_dpm', {}, { prediction: { sigmaData: 0.5 }, order: 2 }),
  of(
    'edm_dpm',
    { solver_order: 3, sigma_schedule: 'exponential' },
    { prediction: { sigmaData: 0.5 }, order: 2, tensors: 3 },
  ),
  of('edm_dpm', { algorithm_type: 'sde-dpmsolver++' }, { prediction: { sigmaData: 0.5 }, kind: 'sde', order: 2 }),
  of('cosine_dpm', {}, { prediction: { sigmaData: 1 }, kind: 'sde', order: 2 }),
]

const flows: readonly LawSubject[] = [
  of('flow_euler', {}, { prediction: 'flow' }),
  of('flow_euler', { shift: 3 }, { prediction: 'flow' }),
  of('flow_euler', { stochastic_sampling: true }, { prediction: 'flow', kind: 'consistency' }),
  of('flow_heun', {}, { prediction: 'flow', order: 2, calls: 2, tensors: 3 }),
  of('flow_lcm', {}, { prediction: 'flow', kind: 'consistency' }),
  of(
    'unipc',
    { prediction_type: 'flow_prediction', use_flow_sigmas: true, flow_shift: 3 },
    { prediction: 'flow', order: 2, tensors: 3 },
  ),
  of('dpm', { prediction_type: 'flow_prediction', use_flow_sigmas: true }, { prediction: 'flow', order: 2 }),
]

/** Families that keep x₀ in a range. */
const ranged: readonly LawSubject[] = [
  of('ddim', {}, { prediction: 'epsilon', range: 1 }),
  of('ddim', { clip_sample: false, thresholding: true, sample_max_value: 1.5 }, { prediction: 'epsilon', range: 1 }),
  of('ddpm', { thresholding: true, clip_sample: false }, { prediction: 'epsilon', kind: 'sde', range: 1 }),
  of('heun', { clip_sample: true, clip_sample_range: 2 }, { prediction: 'epsilon', calls: 2, tensors: 3, range: 2 }),
  of('dpm', { thresholding: true }, { prediction: 'epsilon', order: 2, range: 1 }),
  of('unipc', { thresholding: true }, { prediction: 'epsilon', order: 2, tensors: 3, range: 1 }),
  of('cm', {}, { prediction: 'sample', kind: 'consistency', range: 1 }),
]

/** All of them. */
export const subjects: readonly LawSubject[] = [...inTime, ...inSigma, ...inLambda, ...flows, ...ranged]
