/** Options that commands have in common, and what they accept. */
import { fileURLToPath } from 'node:url'
import { InvalidArgumentError, Option } from 'commander'
import { backendNames, type BackendName } from '../backend/backend.ts'
import { defaultBackend, useBackend } from '../backend/select.ts'

/** The checkpoint that comes with the package. */
export const shipped = fileURLToPath(new URL('../../models/ddpm-emoji-cat-64', import.meta.url))

/** A whole number from `low` on. */
export const wholeFrom =
  (low: number) =>
  (text: string): number => {
    const n = Number(text)
    if (text.trim() === '' || !Number.isSafeInteger(n) || n < low)
      throw new InvalidArgumentError(`expected a whole number from ${low} on.`)
    return n
  }

/** Any 64-bit seed. */
export const seedFrom = (text: string): bigint => {
  if (!/^-?\d+$/.test(text.trim())) throw new InvalidArgumentError('expected a whole number.')
  return BigInt(text)
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
