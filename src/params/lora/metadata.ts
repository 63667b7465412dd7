/** What diffusers writes of a LoRA beside its tensors: the settings of peft's LoraConfig, in the header of the safetensors file. */
import { taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import type { FileError } from '../../errors.ts'
import { attempt, unwrap, utf8 } from '../files/attempt.ts'
import { isObject, own, parseObject } from '../json.ts'
import type { LoneFile } from '../lone-file.ts'

/** The alpha of a module, by its name in the file, and its rank; undefined where nothing is written of it. */
export type AlphaOf = (module: string, rank: number) => number | undefined

type Json = Readonly<Record<string, unknown>>

/** `alpha_pattern` is by the ends of modules' paths; what it does not name has `lora_alpha`. */
const alphaIn = (settings: Json, component: string, path: string): number | undefined => {
  const patterns = own(settings, `${component}.alpha_pattern`)
  const matching = isObject(patterns)
    ? Object.entries(patterns).find(([end]) => `.${path}`.endsWith(`.${end.replace(/^\^/, '')}`))
    : undefined
  const alpha = matching?.[1] ?? own(settings, `${component}.lora_alpha`)
  return typeof alpha === 'number' ? alpha : undefined
}

/** With `use_rslora` the change is divided by √rank (Kalajdzievski 2023), which is another alpha. */
const alphaBy =
  (settings: Json): AlphaOf =>
  (module, rank) => {
    const [, component = '', path = ''] = /^(\w+)\.(.*)$/.exec(module) ?? []
    const alpha = alphaIn(settings, component, path)
    return alpha !== undefined && own(settings, `${component}.use_rslora`) === true ? alpha * Math.sqrt(rank) : alpha
  }

/** The alphas that a file's metadata names: of a file of another kind, or without metadata, none. */
export const adapterMetadata = ({ files, path }: LoneFile): TE.TaskEither<FileError, AlphaOf> => {
  if (!path.endsWith('.safetensors')) return TE.right(() => undefined)
  return attempt(path, 'corrupt', async () => {
    const first = await unwrap(files.read(path, 0, 8))
    const length = Number(new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true))
    const parsed = (json: string): Promise<Json> => unwrap(TE.fromEither(parseObject(path, json)))
    const header = await parsed(utf8(path, await unwrap(files.read(path, 8, 8 + length))))
    const metadata = own(header, '__metadata__')
    const settings = isObject(metadata) ? own(metadata, 'lora_adapter_metadata') : undefined
    return typeof settings === 'string' ? pipe(await parsed(settings), alphaBy) : () => undefined
  })
}
