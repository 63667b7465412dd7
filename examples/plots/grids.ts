/** The noise levels that runs of 20 steps go through, family by family. */
import { places } from '../../src/laws/places.ts'
import type { SchedulerName } from '../../src/schedulers/by-name.ts'
import type { SchedulerConfig } from '../../src/schedulers/config.ts'
import { made } from './subjects.ts'

/** A run: what it is called beside others of its family, and the ratio of noise to signal, s/a, before each call of the model. */
export type Levels = { readonly label: string; readonly ratios: readonly number[] }

/** Families that share their grids, and the grids that they can have. */
export type GridPanel = {
  readonly families: readonly SchedulerName[]
  readonly grids: readonly Levels[]
  readonly rises?: boolean
}

const steps = 20

const levels = (
  family: SchedulerName,
  label: string,
  config: SchedulerConfig = {},
  options: object = {},
  n = steps,
): Levels => ({
  label,
  ratios: places(made(family, { clip_sample: false, ...config }, n, options), 'sample').map(
    ({ mixed }) => mixed.noise / mixed.signal,
  ),
})

const latent = { beta_start: 0.00085, beta_end: 0.012, beta_schedule: 'scaled_linear' } as const

/** Every family, under its own defaults but for the betas, which are Stable Diffusion's where it has any. */
export const gridPanels = (): readonly GridPanel[] => [
  {
    families: ['ddpm', 'ddim', 'ddpm_parallel', 'ddim_parallel'],
    grids: [
      levels('ddpm', 'leading (default)', latent),
      levels('ddpm', 'linspace', { ...latent, timestep_spacing: 'linspace' }),
      levels('ddpm', 'trailing', { ...latent, timestep_spacing: 'trailing' }),
    ],
  },
  {
    families: ['euler', 'euler_a', 'heun', 'kdpm2', 'kdpm2_a', 'lms', 'dpm_sde'],
    grids: [
      levels('euler', 'linspace (default)', latent),
      levels('euler', 'Karras', { ...latent, use_karras_sigmas: true }),
      levels('euler', 'exponential', { ...latent, use_exponential_sigmas: true }),
      levels('euler', 'beta', { ...latent, use_beta_sigmas: true }),
    ],
  },
  {
    families: ['dpm', 'dpm_single', 'unipc', 'deis', 'sa'],
    grids: [
      levels('dpm', 'linspace (default)', latent),
      levels('dpm', 'Karras', { ...latent, use_karras_sigmas: true }),
      levels('dpm', 'exponential, Lu', { ...latent, use_lu_lambdas: true }),
      levels('dpm', 'flow, shift 3', {
        ...latent,
        use_flow_sigmas: true,
        prediction_type: 'flow_prediction',
        flow_shift: 3,
      }),
    ],
  },
  {
    families: ['flow_euler', 'flow_heun', 'flow_lcm'],
    grids: [
      levels('flow_euler', 'shift 1 (default)'),
      levels('flow_euler', 'shift 3', { shift: 3 }),
      levels('flow_euler', 'shift 3, Karras', { shift: 3, use_karras_sigmas: true }),
    ],
  },
  {
    families: ['edm_euler', 'edm_dpm'],
    grids: [
      levels('edm_euler', 'Karras (default)'),
      levels('edm_euler', 'exponential', { sigma_schedule: 'exponential' }),
    ],
  },
  {
    families: ['cosine_dpm'],
    grids: [
      levels('cosine_dpm', 'exponential (default)'),
      levels('cosine_dpm', 'Karras', { sigma_schedule: 'karras' }),
    ],
  },
  { families: ['karras_ve'], grids: [levels('karras_ve', 'even in ln σ')] },
  {
    families: ['pndm'],
    grids: [
      levels('pndm', 'Runge–Kutta (default)', latent),
      levels('pndm', 'skip_prk_steps', { ...latent, skip_prk_steps: true }),
    ],
  },
  { families: ['ipndm'], grids: [levels('ipndm', 'sine²')] },
  { families: ['unclip'], grids: [levels('unclip', 'cosine betas')] },
  {
    families: ['score_sde_ve'],
    grids: [
      levels('score_sde_ve', 'correct_steps 0', { correct_steps: 0 }),
      levels('score_sde_ve', 'correct_steps 1 (default)'),
    ],
  },
  { families: ['score_sde_vp'], grids: [levels('score_sde_vp', 'continuous linear β')] },
  { families: ['lcm', 'tcd'], grids: [levels('lcm', '8 steps', {}, {}, 8), levels('lcm', '4 steps', {}, {}, 4)] },
  { families: ['cm'], grids: [levels('cm', '8 steps', {}, {}, 8), levels('cm', '4 steps', {}, {}, 4)] },
  { families: ['scm'], grids: [levels('scm', '8 steps', {}, {}, 8), levels('scm', '2 steps', {}, {}, 2)] },
  {
    families: ['repaint'],
    grids: [levels('repaint', 'jumpLength 5, jumpSamples 3', latent, { jumpLength: 5, jumpSamples: 3 })],
  },
  {
    families: ['ddim_inverse'],
    rises: true,
    grids: [
      levels('ddim_inverse', 'leading (default)', latent),
      levels('ddim_inverse', 'trailing', { ...latent, timestep_spacing: 'trailing' }),
    ],
  },
  {
    families: ['dpm_inverse'],
    rises: true,
    grids: [
      levels('dpm_inverse', 'linspace (default)', latent),
      levels('dpm_inverse', 'Karras', { ...latent, use_karras_sigmas: true }),
      levels('dpm_inverse', 'exponential', { ...latent, use_exponential_sigmas: true }),
    ],
  },
]
