/** The scheduler of a checkpoint: its config, to be given to any scheduler's constructor. */
import { either as E } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { config, type Component } from '../params/load.ts'
import { unknownKeys } from '../schedulers/by-name.ts'
import { schedulerConfig, type SchedulerConfig } from '../schedulers/config.ts'

/** scheduler_config.json, with a note of the keys that its class does not know. */
export const schedulerComponent: Component<SchedulerConfig> = config('scheduler_config.json', (raw) =>
  pipe(
    schedulerConfig(raw),
    E.map((value) => ({
      value,
      notes: unknownKeys(value).map((k) => `config key ${k} is not known and was not used`),
    })),
  ),
)
