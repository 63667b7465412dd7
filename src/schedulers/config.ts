/** Scheduler configs as their scheduler_config.json has them, read by each scheduler with its own defaults. */
import { either as E } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { decodeConfig, defaulted, integer, nullable, oneOf } from '../core/config.ts'
import { ConfigError } from '../errors.ts'
import { spacings } from './spacing.ts'

/**
 * A config, by the keys of scheduler_config.json. A scheduler takes what it knows and gives every other field its own default, so that
 * swapping schedulers is applying another constructor to the same config.
 */
export type SchedulerConfig = Readonly<Record<string, unknown>>

/** A codec of the fields that one scheduler knows. */
export type FieldsCodec<A> = t.Type<A, unknown, unknown> & { readonly props: t.Props }

/** The fields of a config that a codec knows, with its defaults. Throws `ConfigError`, naming the field and what is allowed. */
export const fieldsOf = <A>(codec: FieldsCodec<A>, config: SchedulerConfig): A => {
  const decoded = decodeConfig(codec, config)
  if (E.isLeft(decoded)) throw decoded.left
  return decoded.right.config
}

/** Betas and the number of training steps, as every discrete-time scheduler has them. */
export const betaFields = <const S extends readonly string[]>(...schedules: S) => ({
  num_train_timesteps: defaulted(integer(1), 1000),
  beta_start: defaulted(t.number, 0.0001),
  beta_end: defaulted(t.number, 0.02),
  beta_schedule: defaulted(oneOf(...schedules), schedules[0]!),
  trained_betas: defaulted(nullable(t.array(t.number)), null),
})

/** What the model predicts. */
export const predictionField = { prediction_type: defaulted(oneOf('epsilon', 'sample', 'v_prediction'), 'epsilon') }

/** How timesteps are spaced, leading unless given. */
export const spacingFields = {
  timestep_spacing: defaulted(oneOf(...spacings), 'leading'),
  steps_offset: defaulted(integer(0), 0),
}

/** How a predicted clean sample is kept in range. */
export const rangeFields = {
  clip_sample: defaulted(t.boolean, true),
  clip_sample_range: defaulted(t.number, 1),
  thresholding: defaulted(t.boolean, false),
  dynamic_thresholding_ratio: defaulted(t.number, 0.995),
  sample_max_value: defaulted(t.number, 1),
}

/** Any object as a config; which fields mean something is for the scheduler to say. */
export const schedulerConfig = (raw: unknown): E.Either<ConfigError, SchedulerConfig> =>
  pipe(
    raw,
    E.fromPredicate(
      (u): u is SchedulerConfig => typeof u === 'object' && u !== null && !Array.isArray(u),
      (u) => new ConfigError('config', u, ['an object'], 'is no scheduler config'),
    ),
  )
