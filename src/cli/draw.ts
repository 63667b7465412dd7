/** `diffold draw`: pictures from a checkpoint. */
import { Command, Option } from 'commander'
import { SingleBar } from 'cli-progress'
import type { BackendName } from '../backend/backend.ts'
import { grid } from '../image/image.ts'
import { writePng } from '../image/png.ts'
import { load, orThrow, type Notes } from '../params/load.ts'
import { ddim, DDPM, ddpm, type DrawOptions } from '../pipelines/unconditional.ts'
import { seed, type Seed } from '../random/generator.ts'
import {
  backendOption,
  between,
  checkpointArgument,
  loading,
  loadOptions,
  seedFrom,
  startBackend,
  wholeFrom,
} from './options.ts'
import { checkWritable, pngPath } from './output.ts'
import { interrupted, unless } from './stop.ts'
import { oneLine } from './text.ts'

type Options = {
  readonly steps: number
  readonly seed: Seed
  readonly output: string
  readonly scheduler: 'ddpm' | 'ddim'
  readonly eta: number
  readonly count: number
  readonly backend?: BackendName
  readonly quiet?: true
  readonly variant?: string
  readonly revision?: string
}

const bar = (quiet: boolean, steps: number): { readonly at: (step: number) => void; readonly end: () => void } => {
  if (quiet) return { at: () => undefined, end: () => undefined }
  const drawn = new SingleBar({
    format: '  {bar} {value}/{total} steps, {duration_formatted} (about {eta_formatted} left)',
    stream: process.stderr,
    noTTYOutput: !process.stderr.isTTY,
    notTTYSchedule: 2000,
    hideCursor: true,
  })
  drawn.start(steps, 0)
  return { at: (step) => drawn.update(step), end: () => drawn.stop() }
}

const run = async (checkpoint: string, o: Options): Promise<void> => {
  const signal = interrupted()
  const say = (text: string): void => void (o.quiet === true || process.stderr.write(`${oneLine(text)}\n`))
  await checkWritable(o.output)
  const place = await startBackend(o.backend)
  const onNotes = (notes: Notes): void => notes.forEach((n) => say(`note: ${n}`))
  const model = await unless(signal, orThrow(load(DDPM, checkpoint, { ...loading(o), onNotes })))
  const pipeline =
    o.scheduler === 'ddim' ? ddim(model, { steps: o.steps, eta: o.eta }) : ddpm(model, { steps: o.steps })
  say(`drawing on ${place}`)
  const progress = bar(o.quiet === true, o.steps)
  const options: DrawOptions = { signal, onStep: ({ step }) => progress.at(step) }
  const images = await pipeline.batch(o.count)(o.seed, options).finally(progress.end)
  process.stdout.write(`${await orThrow(writePng(o.output, grid(images)))}\n`)
}

/** The command. */
export const draw = new Command('draw')
  .description('Draw a picture, from the cats that come with the package unless a checkpoint is named.')
  .addArgument(checkpointArgument())
  .addOption(new Option('--steps <n>', 'how many denoising steps').argParser(wholeFrom(1)).default(25))
  .addOption(
    new Option('--seed <n>', 'the seed of the noise; the same seed gives the picture that Python gives')
      .argParser(seedFrom)
      .default(seed(0), '0'),
  )
  .addOption(new Option('-o, --output <file>', 'where to write the PNG').argParser(pngPath).default('cat.png'))
  .addOption(new Option('--scheduler <name>', 'how to step').choices(['ddpm', 'ddim']).default('ddpm'))
  .addOption(new Option('--eta <x>', 'noise of DDIM, from 0 to 1').argParser(between(0, 1)).default(0))
  .addOption(new Option('--count <n>', 'how many pictures, as one grid').argParser(wholeFrom(1)).default(1))
  .addOption(backendOption())
  .addOption(new Option('-q, --quiet', 'print nothing but the path of the picture'))
for (const option of loadOptions()) draw.addOption(option)
draw.action(run)
