/** Schedulers by the names that configs and command lines use. */
import type * as t from 'io-ts'
import { ConfigError } from '../errors.ts'
import type { SchedulerConfig } from './config.ts'
import { ddimFields, ddimScheduler } from './ddim.ts'
import { ddpmFields, ddpmScheduler } from './ddpm.ts'
import { eulerAncestralFields, eulerAncestralScheduler } from './euler-ancestral.ts'
import { eulerFields, eulerScheduler } from './euler.ts'
import { heunFields, heunScheduler } from './heun.ts'
import { kdpm2AncestralFields, kdpm2AncestralScheduler } from './kdpm2-ancestral.ts'
import { kdpm2Fields, kdpm2Scheduler } from './kdpm2.ts'
import { lmsFields, lmsScheduler } from './lms.ts'

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

/** The keys of a config that its scheduler class does not know, and so does not use. */
export const unknownKeys = (config: SchedulerConfig): readonly string[] => {
  const family = Object.values(families).find((f) => f.className === config['_class_name'])
  if (family === undefined) return []
  return Object.keys(config).filter((k) => !k.startsWith('_') && !Object.hasOwn(family.fields.props, k))
}
