/** The scheduler that a command names. */
import { InvalidArgumentError } from 'commander'
import { families, familyOf, schedulerNamed, type SchedulerName } from '../schedulers/by-name.ts'
import type { MakeScheduler, SampleState } from '../pipelines/latent-pipeline.ts'

/** The short names of all families. */
export const schedulerNames = Object.keys(families) as readonly SchedulerName[]

/** A family by its short name or by its class in diffusers. */
export const schedulerFrom = (text: string): SchedulerName => {
  try {
    return familyOf(text)
  } catch {
    throw new InvalidArgumentError(`expected a class of diffusers, or one of ${schedulerNames.join(', ')}.`)
  }
}

const noisy: ReadonlySet<SchedulerName> = new Set<SchedulerName>(['ddim', 'ddim_parallel', 'tcd'])

/** A scheduler's constructor by name; `eta` is for those whose steps take it, as in diffusers, and for others means nothing. */
export const makerOf =
  (name: string, eta: number): MakeScheduler<SampleState, string> =>
  (config, steps, options) => {
    const family = familyOf(name)
    const given = noisy.has(family) ? { ...options, eta } : options
    return schedulerNamed(family, config, steps, given)
  }
