/** `diffold explain`: what becomes of one step. */
import { Command, Option } from 'commander'
import type { BackendName } from '../backend/backend.ts'
import type { Explanation } from '../backend/explain.ts'
import { loadText, loadUnconditional, openCheckpoint } from './checkpoint.ts'
import { explainText, explainUnconditional } from './one-step.ts'
import { backendOption, checkpointArgument, exactOption, loading, loadOptions, startBackend } from './options.ts'
import { interrupted, unless } from './stop.ts'

const stages = ['traced', 'simplified', 'program'] as const
type Options = {
  readonly stage: (typeof stages)[number] | 'all'
  readonly backend?: BackendName
  readonly exact?: true
  readonly variant?: string
  readonly revision?: string
}

const explained = async (source: string, o: Options): Promise<Explanation> => {
  const checkpoint = await openCheckpoint(source, loading(o))
  const options = { exact: o.exact === true }
  return checkpoint.kind === 'unconditional'
    ? explainUnconditional(await loadUnconditional(checkpoint, loading(o)), options)
    : explainText(await loadText(checkpoint, loading(o)), options)
}

const run = async (checkpoint: string, o: Options): Promise<void> => {
  const signal = interrupted()
  await startBackend(o.backend)
  const told = await unless(signal, explained(checkpoint, o))
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
  .addOption(exactOption())
for (const option of loadOptions()) explain.addOption(option)
explain.action(run)
