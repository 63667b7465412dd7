/** Options that commands have in common, and what they accept. */
import { fileURLToPath } from 'node:url'
import { Argument, InvalidArgumentError, Option } from 'commander'
import { backendNames, type BackendName } from '../backend/backend.ts'
import { defaultBackend, useBackend, useThreads } from '../backend/select.ts'
import { useTuning } from '../backend/tuning.ts'
import { seed, type Seed } from '../random/generator.ts'

const shipped = fileURLToPath(new URL('../../models/ddpm-emoji-cat-64', import.meta.url))

/** `[checkpoint]`; the one that comes with the package where none is named. */
export const checkpointArgument = (): Argument =>
  new Argument(
    '[checkpoint]',
    'a folder in the diffusers layout, or a hub repository id such as google/ddpm-cat-256',
  ).default(shipped, 'the cats that come with the package')

/** A whole number from `low` on. */
export const wholeFrom =
  (low: number) =>
  (text: string): number => {
    const n = Number(text)
    if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(n) || n < low)
      throw new InvalidArgumentError(`expected a whole number from ${low} on.`)
    return n
  }

/** The seed of this number, signed or unsigned, of 64 bits. */
export const seedFrom = (text: string): Seed => {
  const n = /^[+-]?\d+$/.test(text) ? BigInt(text.replace('+', '')) : undefined
  if (n === undefined || n < -(2n ** 63n) || n >= 2n ** 64n)
    throw new InvalidArgumentError('expected a whole number of at most 64 bits.')
  return seed(n)
}

/** A number from `low` to `high`. */
export const between =
  (low: number, high: number) =>
  (text: string): number => {
    const n = Number(text)
    if (text.trim() === '' || !(n >= low && n <= high))
      throw new InvalidArgumentError(`expected a number from ${low} to ${high}.`)
    return n
  }

/** `--backend NAME`. */
export const backendOption = (): Option =>
  new Option(
    '--backend <name>',
    'where to run; DIFFOLD_BACKEND says it too (default: WebGPU where there is a GPU, else wasm)',
  ).choices(backendNames)

/** `--threads N`, which takes effect as it is read. */
export const threadsOption = (): Option =>
  new Option('--threads <n>', 'threads on wasm; DIFFOLD_THREADS says it too (default: as many as cores)').argParser(
    (text) => useThreads(wholeFrom(1)(text)),
  )

/** `--tune [SECONDS]`, which takes effect as it is read. */
export const tuneOption = (): Option =>
  new Option(
    '--tune [seconds]',
    'on WebGPU, measure kernels for so long before the first run, and remember the fastest; DIFFOLD_TUNE=1 says it too',
  )
    .preset('2')
    .argParser((text: string) => {
      const budget = 1000 * between(0, 3600)(text)
      useTuning({ budget })
      return budget
    })

/** `--exact`. */
export const exactOption = (): Option =>
  new Option('--exact', "convolutions as they are defined, not by Winograd's algorithm: slower, a little more precise")

/** Starts the backend asked for, or the default one, and says what it is. */
export const startBackend = async (name: BackendName | undefined): Promise<string> => {
  if (name !== undefined) useBackend(name)
  return (await defaultBackend()).description
}

/** Options of reading a checkpoint. */
export const loadOptions = (): Option[] => [
  new Option('--variant <name>', 'which weights, such as fp16'),
  new Option('--revision <name>', 'branch, tag or commit of a hub repository'),
]

/** What of the parsed options concerns loading. */
export const loading = ({ variant, revision }: { readonly variant?: string; readonly revision?: string }) => ({
  ...(variant === undefined ? {} : { variant }),
  ...(revision === undefined ? {} : { revision }),
})
