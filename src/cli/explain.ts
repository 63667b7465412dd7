/** `diffold explain`: what becomes of one step. */
import { Command, Option } from 'commander'
import type { BackendName } from '../backend/backend.ts'
import { explain as explainFunction } from '../backend/explain.ts'
import { load, orThrow } from '../params/load.ts'
import { unet2d } from '../models/unet2d.ts'
import { DDPM, sampleShape } from '../pipelines/unconditional.ts'
import { seed } from '../random/generator.ts'
import { ddpmScheduler } from '../schedulers/ddpm.ts'
import type { Step } from '../schedulers/scheduler.ts'
import { noise } from '../tensor/noise.ts'
import type { Scalar } from '../tensor/tensor.ts'
import { backendOption, checkpointArgument, loading, loadOptions, startBackend } from './options.ts'
import { interrupted, unless } from './stop.ts'

const stages = ['traced', 'simplified', 'program'] as const
type Options = {
  readonly stage: (typeof stages)[number] | 'all'
  readonly backend?: BackendName
  readonly variant?: string
  readonly revision?: string
}

const run = async (checkpoint: string, o: Options): Promise<void> => {
  const signal = interrupted()
  await startBackend(o.backend)
  const model = await unless(signal, orThrow(load(DDPM, checkpoint, loading(o))))
  const scheduler = ddpmScheduler(model.scheduler, 25)
  const eps = unet2d(model.unet)
  type State = ReturnType<typeof scheduler.init>
  type T = (typeof scheduler.timesteps)[number]
  const step = (state: State, t: { readonly [K in keyof T]: Scalar } & Step<never, Scalar>): State =>
    scheduler.step(state, eps(scheduler.input(state, t), t.t), t)
  const state = scheduler.init(noise(seed(0), [1, ...sampleShape(model.unet)]))
  const told = await unless(signal, explainFunction(step)(state, scheduler.timesteps[0]!))
  for (const stage of stages)
    if (o.stage === 'all' || o.stage === stage) process.stdout.write(`# ${stage}\n${told[stage]}\n\n`)
  process.stdout.write(`# ${told.nodes.traced} nodes traced, ${told.nodes.simplified} simplified, on ${told.backend}\n`)
}

/** The command. */
export const explain = new Command('explain')
  .description(
    'Print one denoising step, stage by stage: the traced graph, the simplified one, and the program that runs.',
  )
  .addArgument(checkpointArgument())
  .addOption(new Option('--stage <name>', 'which stage').choices([...stages, 'all']).default('all'))
  .addOption(backendOption())
for (const option of loadOptions()) explain.addOption(option)
explain.action(run)
