/** `diffold draw`: pictures from a checkpoint. */
import { Argument, Command, Option } from 'commander'
import type { BackendName } from '../backend/backend.ts'
import { grid, toImages, type Image } from '../image/image.ts'
import { readPng, writePng } from '../image/png.ts'
import { orThrow, type LoadOptions, type Notes } from '../params/load.ts'
import { loadLora } from '../params/lora/load.ts'
import { withLora, type LoraUse } from '../params/lora/lora.ts'
import { tokensOf } from '../pipelines/prompts.ts'
import type { PromptRequest } from '../pipelines/request.ts'
import { seed, type Seed } from '../random/generator.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { contradiction } from './asked.ts'
import { bar } from './bar.ts'
import { loadText, loadUnconditional, openCheckpoint, type Checkpoint } from './checkpoint.ts'
import { textDrawing, unconditionalDrawing, type Drawing } from './drawing.ts'
import {
  backendOption,
  exactOption,
  between,
  checkpointArgument,
  loading,
  loadOptions,
  seedFrom,
  startBackend,
  threadsOption,
  tuneOption,
  wholeFrom,
} from './options.ts'
import { checkWritable, pngPath, previewPath } from './output.ts'
import { schedulerFrom, schedulerNames } from './scheduler.ts'
import { interrupted, unless } from './stop.ts'
import { oneLine } from './text.ts'
import { textOptions, type LoraFile, type TextOptions } from './text-options.ts'

type Options = TextOptions & {
  readonly steps?: number
  readonly seed: Seed
  readonly output?: string
  readonly scheduler?: string
  readonly eta: number
  readonly count: number
  readonly preview?: number | true
  readonly backend?: BackendName
  readonly exact?: true
  readonly quiet?: true
  readonly variant?: string
  readonly revision?: string
}

const usualSteps = { unconditional: 25, text: 50 } as const

const requestOf = (prompt: string, { negative, guidance, size, clipSkip }: TextOptions): PromptRequest => ({
  prompt,
  ...(negative === undefined ? {} : { negative }),
  ...(guidance === undefined ? {} : { guidance }),
  ...(clipSkip === undefined ? {} : { clipSkip }),
  ...size,
})

const picture = async (
  key: 'image' | 'mask',
  path: string | undefined,
): Promise<{ readonly [K in typeof key]?: Image }> =>
  path === undefined ? {} : { [key]: await orThrow(readPng(path)) }

const lorasOf = async (files: readonly LoraFile[], onNotes: (notes: Notes) => void): Promise<readonly LoraUse[]> => {
  const uses: LoraUse[] = []
  for (const { file, weight } of files) uses.push({ lora: await orThrow(loadLora(file, { onNotes })), weight })
  return uses
}

/** What is to be run, loaded. */
const drawingOf = async (
  checkpoint: Checkpoint,
  prompt: string | undefined,
  o: Options,
  options: LoadOptions & { readonly onNotes: (notes: Notes) => void },
): Promise<Drawing> => {
  const { scheduler, steps = usualSteps[checkpoint.kind], eta, count, strength, lora = [] } = o
  const run = {
    steps,
    eta,
    count,
    seed: o.seed,
    exact: o.exact === true,
    ...(scheduler === undefined ? {} : { scheduler }),
  }
  if (prompt === undefined)
    return unconditionalDrawing(await loadUnconditional(checkpoint, options), checkpoint.className, run)
  const pictures = { ...(await picture('image', o.image)), ...(await picture('mask', o.mask)) }
  const uses = await lorasOf(lora, options.onNotes)
  const loaded = await loadText(checkpoint, options)
  const sd = uses.length === 0 ? loaded : withLora(loaded, uses, options)
  for (const text of [prompt, o.negative ?? '']) {
    const { cut } = tokensOf(sd.tokenizer, text)
    if (cut > 0) options.onNotes([`prompt '${text}': its last ${cut} tokens do not fit and were not used`])
  }
  const request = requestOf(prompt, o)
  return textDrawing(sd, { ...run, ...pictures, request, ...(strength === undefined ? {} : { strength }) })
}

/** Follows a drawing to its end; every `each` steps, and at the last, its preview is written. */
const follow = async (
  drawing: Drawing,
  {
    steps,
    quiet,
    signal,
    preview,
  }: {
    readonly steps: number
    readonly quiet: boolean
    readonly signal: AbortSignal
    readonly preview: { readonly path: string; readonly each: number } | undefined
  },
): Promise<readonly Image[]> => {
  const show = preview === undefined ? undefined : await drawing.preview()
  const progress = bar(quiet, steps)
  const look = async (path: string, sample: Tensor): Promise<void> => {
    await orThrow(writePng(path, grid(await toImages(show!(sample)))))
  }
  try {
    const running = drawing.states({ signal })
    for (;;) {
      const next = await running.next()
      if (next.done === true) return await toImages(drawing.decode(next.value))
      const { step, steps: all, sample } = next.value
      progress.at(step, all)
      if (preview !== undefined && (step % preview.each === 0 || step === all)) await look(preview.path, sample)
    }
  } finally {
    progress.end()
  }
}

const run = async (source: string, prompt: string | undefined, o: Options, command: Command): Promise<void> => {
  const signal = interrupted()
  const say = (text: string): void => void (o.quiet === true || process.stderr.write(`${oneLine(text)}\n`))
  const { output = prompt === undefined ? 'cat.png' : 'picture.png' } = o
  await checkWritable(output)
  const place = await startBackend(o.backend)
  const onNotes = (notes: Notes): void => notes.forEach((n) => say(`note: ${n}`))
  const prepare = async (): Promise<readonly [Checkpoint, Drawing]> => {
    const checkpoint = await openCheckpoint(source, loading(o))
    const wrong = contradiction(checkpoint, prompt, o)
    if (wrong !== undefined) command.error(wrong)
    return [checkpoint, await drawingOf(checkpoint, prompt, o, { ...loading(o), onNotes })]
  }
  const [{ kind }, drawing] = await unless(signal, prepare())
  say(`drawing on ${place}`)
  const each = o.preview === true ? 1 : o.preview
  const images = await follow(drawing, {
    steps: o.steps ?? usualSteps[kind],
    quiet: o.quiet === true,
    signal,
    preview: each === undefined ? undefined : { path: previewPath(output), each },
  })
  process.stdout.write(`${await orThrow(writePng(output, grid(images)))}\n`)
}

/** The command. */
export const draw = new Command('draw')
  .description('Draw a picture, from the cats that come with the package unless a checkpoint is named.')
  .addArgument(checkpointArgument())
  .addArgument(new Argument('[prompt]', 'what to draw, for a checkpoint that draws from a text'))
  .addOption(
    new Option('--steps <n>', 'how many denoising steps (default: 50 with a prompt, else 25)').argParser(wholeFrom(1)),
  )
  .addOption(
    new Option('--seed <n>', 'the seed of the noise; the same seed gives the picture that Python gives')
      .argParser(seedFrom)
      .default(seed(0), '0'),
  )
  .addOption(
    new Option(
      '-o, --output <file>',
      'where to write the PNG (default: picture.png with a prompt, else cat.png)',
    ).argParser(pngPath),
  )
  .addOption(
    new Option(
      '--scheduler <name>',
      `how to step: a class of diffusers, or ${schedulerNames.join(', ')} (default: the checkpoint's own)`,
    ).argParser(schedulerFrom),
  )
  .addOption(new Option('--eta <x>', 'noise of DDIM and TCD, from 0 to 1').argParser(between(0, 1)).default(0))
  .addOption(new Option('--count <n>', 'how many pictures, as one grid').argParser(wholeFrom(1)).default(1))
for (const option of textOptions()) draw.addOption(option)
draw
  .addOption(
    new Option(
      '--preview [k]',
      'write every k-th step, cheaply, to a file next to the output, …-preview.png',
    ).argParser(wholeFrom(1)),
  )
  .addOption(backendOption())
  .addOption(exactOption())
  .addOption(threadsOption())
  .addOption(tuneOption())
  .addOption(new Option('-q, --quiet', 'print nothing but the path of the picture'))
for (const option of loadOptions()) draw.addOption(option)
draw.action(run)
