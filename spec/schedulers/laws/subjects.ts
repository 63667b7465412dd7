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

const unclipped = { clip_sample: false }
const predictions = ['epsilon', 'sample', 'v_prediction'] as const
const sigmaGrids = [{}, { use_karras_sigmas: true }, { use_exponential_sigmas: true }, { use_beta_sigmas: true }] as const
const exponential = { use_exponential_sigmas: true }

/** The same family under each prediction type, for law 5. */
const parametrized = (family: SchedulerName, config: SchedulerConfig, options: object = {}): Traits['parametrized'] => ({
  epsilon: made(family, { ...config, prediction_type: 'epsilon' }, options),
  sample: made(family, { ...config, prediction_type: 'sample' }, options),
  v_prediction: made(family, { ...config, prediction_type: 'v_prediction' }, options),
})

/** A family under every prediction type and every one of the configs. */
const each = (
  family: SchedulerName,
  configs: readonly SchedulerConfig[],
  traits: Omit<Traits, 'prediction'>,
  options: object = {},
): readonly LawSubject[] =>
  configs.flatMap((config) =>
    predictions.map((prediction) =>
      of(
        family,
        { ...config, prediction_type: prediction },
        {
          ...traits,
          prediction,
          ...(prediction === 'epsilon' ? { parametrized: parametrized(family, config, options) } : {}),
        } as Traits,
        options,
      ),
    ),
  )

/** Solvers in σ. */
const inSigma: readonly LawSubject[] = [
  ...each('euler', sigmaGrids, { order: 1, refined: made('euler', exponential) }),
  ...each('heun', sigmaGrids, { order: 2, calls: 2, tensors: 3, refined: made('heun', exponential) }),
  ...each('kdpm2', sigmaGrids, { order: 2, calls: 2, refined: made('kdpm2', exponential) }),
  ...each('lms', sigmaGrids, { order: 2, tensors: 4, refined: made('lms', exponential) }),
  ...each('euler_a', [{}], { kind: 'sde' }),
  ...each('kdpm2_a', sigmaGrids, { kind: 'sde', calls: 2, tensors: 2 }),
  ...each('dpm_sde', sigmaGrids, { kind: 'sde', calls: 2, tensors: 3 }),
]

/** All of them. */
export const subjects: readonly LawSubject[] = [
  ...each('ddim', [unclipped], { order: 1 }),
  ...each('ddim', [unclipped], { kind: 'sde' }, { eta: 0.5 }),
  ...each('ddpm', [unclipped], { kind: 'sde' }),
  ...inSigma,
]
