/** Schedulers by the names that configs and command lines use. */
import type * as t from 'io-ts'
import { ConfigError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { SchedulerConfig } from './config.ts'
import type { Scheduler } from './scheduler.ts'
import { consistencyFields, consistencyScheduler } from './consistency.ts'
import { cosineDpmFields, cosineDpmScheduler } from './cosine-dpm.ts'
import { ddimInverseFields, ddimInverseScheduler } from './ddim-inverse.ts'
import { ddimFields, ddimScheduler } from './ddim.ts'
import { ddpmFields, ddpmScheduler } from './ddpm.ts'
import { deisFields, deisScheduler } from './deis.ts'
import { dpmSdeFields, dpmSdeScheduler } from './dpm-sde.ts'
import { edmDpmFields, edmDpmScheduler } from './edm-dpm.ts'
import { edmEulerFields, edmEulerScheduler } from './edm-euler.ts'
import { dpmMultistepInverseFields, dpmMultistepInverseScheduler } from './dpm-multistep-inverse.ts'
import { dpmMultistepFields, dpmMultistepScheduler } from './dpm-multistep.ts'
import { dpmSinglestepFields, dpmSinglestepScheduler } from './dpm-singlestep.ts'
import { eulerAncestralFields, eulerAncestralScheduler } from './euler-ancestral.ts'
import { eulerFields, eulerScheduler } from './euler.ts'
import { flowEulerFields, flowEulerScheduler } from './flow-euler.ts'
import { flowHeunFields, flowHeunScheduler } from './flow-heun.ts'
import { flowLcmFields, flowLcmScheduler } from './flow-lcm.ts'
import { heunFields, heunScheduler } from './heun.ts'
import { ipndmFields, ipndmScheduler } from './ipndm.ts'
import { karrasVeFields, karrasVeScheduler } from './karras-ve.ts'
import { kdpm2AncestralFields, kdpm2AncestralScheduler } from './kdpm2-ancestral.ts'
import { kdpm2Fields, kdpm2Scheduler } from './kdpm2.ts'
import { lcmFields, lcmScheduler } from './lcm.ts'
import { lmsFields, lmsScheduler } from './lms.ts'
import { pndmFields, pndmScheduler } from './pndm.ts'
import { repaintFields, repaintScheduler } from './repaint.ts'
import { saSolverFields, saSolverScheduler } from './sa-solver.ts'
import { scmFields, scmScheduler } from './scm.ts'
import { scoreSdeVeFields, scoreSdeVeScheduler } from './score-sde-ve.ts'
import { scoreSdeVpFields, scoreSdeVpScheduler } from './score-sde-vp.ts'
import { tcdFields, tcdScheduler } from './tcd.ts'
import { unclipFields, unclipScheduler } from './unclip.ts'
import { unipcFields, unipcScheduler } from './unipc.ts'

/** A scheduler family: its name in diffusers, our short one, the fields its config has, and its constructor. */
export const families = {
  ddpm: { className: 'DDPMScheduler', fields: ddpmFields, make: ddpmScheduler },
  ddim: { className: 'DDIMScheduler', fields: ddimFields, make: ddimScheduler },
  ddpm_parallel: { className: 'DDPMParallelScheduler', fields: ddpmFields, make: ddpmScheduler },
  ddim_parallel: { className: 'DDIMParallelScheduler', fields: ddimFields, make: ddimScheduler },
  euler: { className: 'EulerDiscreteScheduler', fields: eulerFields, make: eulerScheduler },
  euler_a: {
    className: 'EulerAncestralDiscreteScheduler',
    fields: eulerAncestralFields,
    make: eulerAncestralScheduler,
  },
  heun: { className: 'HeunDiscreteScheduler', fields: heunFields, make: heunScheduler },
  lms: { className: 'LMSDiscreteScheduler', fields: lmsFields, make: lmsScheduler },
  kdpm2: { className: 'KDPM2DiscreteScheduler', fields: kdpm2Fields, make: kdpm2Scheduler },
  kdpm2_a: {
    className: 'KDPM2AncestralDiscreteScheduler',
    fields: kdpm2AncestralFields,
    make: kdpm2AncestralScheduler,
  },
  flow_euler: { className: 'FlowMatchEulerDiscreteScheduler', fields: flowEulerFields, make: flowEulerScheduler },
  flow_heun: { className: 'FlowMatchHeunDiscreteScheduler', fields: flowHeunFields, make: flowHeunScheduler },
  flow_lcm: { className: 'FlowMatchLCMScheduler', fields: flowLcmFields, make: flowLcmScheduler },
  lcm: { className: 'LCMScheduler', fields: lcmFields, make: lcmScheduler },
  tcd: { className: 'TCDScheduler', fields: tcdFields, make: tcdScheduler },
  ddim_inverse: { className: 'DDIMInverseScheduler', fields: ddimInverseFields, make: ddimInverseScheduler },
  unclip: { className: 'UnCLIPScheduler', fields: unclipFields, make: unclipScheduler },
  cm: { className: 'CMStochasticIterativeScheduler', fields: consistencyFields, make: consistencyScheduler },
  scm: { className: 'SCMScheduler', fields: scmFields, make: scmScheduler },
  repaint: { className: 'RePaintScheduler', fields: repaintFields, make: repaintScheduler },
  score_sde_ve: { className: 'ScoreSdeVeScheduler', fields: scoreSdeVeFields, make: scoreSdeVeScheduler },
  score_sde_vp: { className: 'ScoreSdeVpScheduler', fields: scoreSdeVpFields, make: scoreSdeVpScheduler },
  pndm: { className: 'PNDMScheduler', fields: pndmFields, make: pndmScheduler },
  ipndm: { className: 'IPNDMScheduler', fields: ipndmFields, make: ipndmScheduler },
  unipc: { className: 'UniPCMultistepScheduler', fields: unipcFields, make: unipcScheduler },
  sa: { className: 'SASolverScheduler', fields: saSolverFields, make: saSolverScheduler },
  deis: { className: 'DEISMultistepScheduler', fields: deisFields, make: deisScheduler },
  edm_euler: { className: 'EDMEulerScheduler', fields: edmEulerFields, make: edmEulerScheduler },
  dpm: {
    className: 'DPMSolverMultistepScheduler',
    fields: dpmMultistepFields,
    make: dpmMultistepScheduler,
  },
  dpm_inverse: {
    className: 'DPMSolverMultistepInverseScheduler',
    fields: dpmMultistepInverseFields,
    make: dpmMultistepInverseScheduler,
  },
  dpm_single: {
    className: 'DPMSolverSinglestepScheduler',
    fields: dpmSinglestepFields,
    make: dpmSinglestepScheduler,
  },
  edm_dpm: { className: 'EDMDPMSolverMultistepScheduler', fields: edmDpmFields, make: edmDpmScheduler },
  cosine_dpm: {
    className: 'CosineDPMSolverMultistepScheduler',
    fields: cosineDpmFields,
    make: cosineDpmScheduler,
  },
  dpm_sde: { className: 'DPMSolverSDEScheduler', fields: dpmSdeFields, make: dpmSdeScheduler },
  karras_ve: { className: 'KarrasVeScheduler', fields: karrasVeFields, make: karrasVeScheduler },
} as const satisfies Record<
  string,
  {
    readonly className: string
    readonly fields: { readonly props: t.Props }
    readonly make: (config: SchedulerConfig, steps: number) => unknown
  }
>

/** The short name of a family. */
export type SchedulerName = keyof typeof families

/** The family of a class name (`DDIMScheduler`) or a short one (`ddim`). Throws `ConfigError`, listing those there are. */
export const familyOf = (name: string): SchedulerName => {
  const found = (Object.keys(families) as SchedulerName[]).find((k) => k === name || families[k].className === name)
  if (found === undefined)
    throw new ConfigError(
      'scheduler',
      name,
      Object.entries(families).flatMap(([k, f]) => [k, f.className]),
      'is not known',
    )
  return found
}

/** A scheduler whose family is known only when the program runs. Its states have the sample in `x`, as those of every family. */
export type AnyScheduler = Scheduler<{ readonly x: Tensor }, string>

/** The scheduler of a family, by its class name or short name, for a config. Throws `ConfigError`. */
export const schedulerNamed = (
  name: string,
  config: SchedulerConfig,
  steps: number,
  options: { readonly begin?: number } = {},
): AnyScheduler => {
  // The table knows which states and coefficients belong together; whoever asks by name only hands them back.
  const make = families[familyOf(name)].make as unknown as (...args: readonly unknown[]) => AnyScheduler
  return make(config, steps, options)
}

/** The keys of a config that its scheduler class does not know, and so does not use. */
export const unknownKeys = (config: SchedulerConfig): readonly string[] => {
  const family = Object.values(families).find((f) => f.className === config['_class_name'])
  if (family === undefined) return []
  return Object.keys(config).filter((k) => !k.startsWith('_') && !Object.hasOwn(family.fields.props, k))
}
