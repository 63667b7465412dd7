import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.ts'
import { families, schedulerNamed, type SchedulerName } from '../../src/schedulers/by-name.ts'

const names = Object.keys(families) as SchedulerName[]
const fieldsOf = (name: SchedulerName): readonly string[] => Object.keys(families[name].fields.props)

/** What a family throws when it is made, or undefined. */
const thrown = (name: SchedulerName, config: object, steps: unknown = 10): unknown => {
  try {
    schedulerNamed(name, config as Readonly<Record<string, unknown>>, steps as number)
    return undefined
  } catch (error) {
    return error
  }
}

describe.each(names)('%s', (name) => {
  it.each([0, -3, 2.5, NaN, Infinity, '4', null])('refuses %s steps', (steps) => {
    expect(thrown(name, {}, steps)).toBeInstanceOf(ConfigError)
  })
  it.each([
    'beta_schedule',
    'prediction_type',
    'timestep_spacing',
    'solver_type',
    'algorithm_type',
    'final_sigmas_type',
  ])('refuses an unknown %s, and says which there are', (field) => {
    if (!fieldsOf(name).includes(field)) return
    const error = thrown(name, { [field]: 'nonsense' })
    expect(error).toBeInstanceOf(ConfigError)
    expect(error).toMatchObject({ field, value: 'nonsense' })
    expect((error as ConfigError).allowed.length).toBeGreaterThan(0)
  })
  it('refuses two grids at once', () => {
    const grids = ['use_karras_sigmas', 'use_exponential_sigmas', 'use_beta_sigmas'].filter((f) =>
      fieldsOf(name).includes(f),
    )
    for (const a of grids)
      for (const b of grids) if (a < b) expect(thrown(name, { [a]: true, [b]: true })).toBeInstanceOf(ConfigError)
  })
  it('refuses betas that are none, or not as many as the training steps', () => {
    if (!['trained_betas', 'beta_schedule', 'beta_start'].every((f) => fieldsOf(name).includes(f))) return // IPNDM's betas are those of its own steps
    expect(thrown(name, { trained_betas: [0.1, 0.2] })).toBeInstanceOf(ConfigError)
    expect(thrown(name, { trained_betas: Array.from({ length: 1000 }, () => 2) })).toBeInstanceOf(ConfigError)
    expect(thrown(name, { beta_start: -1 })).toBeInstanceOf(ConfigError)
    expect(thrown(name, { num_train_timesteps: 0 })).toBeInstanceOf(ConfigError)
  })
  it('takes the config of any other family', () => {
    for (const other of names) {
      const error = thrown(name, {
        _class_name: families[other].className,
        num_train_timesteps: 1000,
        solver_order: 2,
        no_such_option: 1,
      })
      expect(error === undefined || error instanceof ConfigError).toBe(true)
    }
  })
})
