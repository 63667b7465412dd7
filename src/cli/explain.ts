/** `diffold explain`: what becomes of one step. */
import { Command, Option } from 'commander'
import type { BackendName } from '../backend/backend.ts'
import type { Explanation } from '../backend/explain.ts'
import { loadText, loadUnconditional, openCheckpoint } from './checkpoint.ts'
import { explainText, explainUnconditional } from './one-step.ts'
import { backendOption, checkpointArgument, exactOption, loading, loadOptions } from './options.ts'
import { interrupted, unless } from './stop.ts'

const adapters = ['gpu', 'lavapipe', 'swiftshader'] as const
type Options = {
  readonly stages?: true
  readonly slots?: true
  readonly code?: true
  readonly adapter?: (typeof adapters)[number]
  readonly backend?: BackendName
  readonly exact?: true
  readonly variant?: string
  readonly revision?: string
}

const explained = async (source: string, o: Options): Promise<Explanation> => {
  const checkpoint = await openCheckpoint(source, loading(o))
  const options = {
    exact: o.exact === true,
    stages: o.stages === true,
    slots: o.slots === true,
    code: o.code === true,
    ...(o.adapter && { adapter: o.adapter }),
    ...(o.backend && { backend: o.backend }),
  }
  return checkpoint.kind === 'unconditional'
    ? explainUnconditional(await loadUnconditional(checkpoint, loading(o)), options)
    : explainText(await loadText(checkpoint, loading(o)), options)
}

const run = async (checkpoint: string, o: Options): Promise<void> => {
  const signal = interrupted()
  const told = await unless(signal, explained(checkpoint, o))
  process.stdout.write(`${told.text}\n`)
}

/** The command. */
export const explain = new Command('explain')
  .description(
    'Print what becomes of one denoising step: what each pass makes of it, and the kernels of the program that runs.',
  )
  .addArgument(checkpointArgument())
  .option('--stages', 'the whole graph or program after every pass')
  .option('--slots', 'of every kernel, the nodes that it computes and where its operands lie')
  .option('--code', 'the code of the kernels')
  .addOption(
    new Option('--adapter <kind>', 'as on WebGPU on this kind of adapter, which need not be there').choices(adapters),
  )
  .addOption(backendOption())
  .addOption(exactOption())
for (const option of loadOptions()) explain.addOption(option)
explain.action(run)
