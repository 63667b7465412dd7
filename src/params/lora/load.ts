/** LoRAs from files. */
import { either as E, taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { widen } from '../../core/dtype.ts'
import { size } from '../../core/shape.ts'
import { CheckpointError, FileError, type LoadError } from '../../errors.ts'
import { fromStorage, type Tensor } from '../../tensor/tensor.ts'
import type { Entry } from '../entry.ts'
import type { Files } from '../files/files.ts'
import type { Notes } from '../load.ts'
import { loneFile, tensorsOf, type LoneFileOptions } from '../lone-file.ts'
import type { LoraModule } from './change.ts'
import type { Lora } from './lora.ts'
import { adapterMetadata, type AlphaOf } from './metadata.ts'
import { loraName, type Named, type Role } from './names.ts'
import type { LoraComponent } from './targets.ts'

/** How a LoRA is read. */
export type LoadLoraOptions = LoneFileOptions & {
  /** Told what was noticed and could be done without. */
  readonly onNotes?: (notes: Notes) => void
}

const usual = ['safetensors', 'bin'].flatMap((type) => [`pytorch_lora_weights.${type}`, `adapter_model.${type}`])

type Found = Named & { readonly entry: Entry; readonly name: string }

/** Tensors by what they are to their module. */
type Parts = { readonly [R in Role]?: Found } & { readonly sample: Found }

const idOf = ({ component, key }: Named): string => `${component}.${key}`

const grouped = (found: readonly Found[]): ReadonlyMap<string, Parts> => {
  const modules = new Map<string, Parts>()
  for (const f of found) {
    modules.set(idOf(f), { sample: f, ...modules.get(idOf(f)), [f.role]: f })
  }
  return modules
}

const problemsOf = ({ sample, down, up, alpha }: Parts): readonly string[] => {
  const lacking = [down === undefined ? ['down'] : [], up === undefined ? ['up'] : []].flat()
  if (lacking.length > 0) return [`${sample.module}: has no ${lacking.join(' and no ')} tensor`]
  if (alpha !== undefined && size(alpha.entry.shape) !== 1)
    return [`${alpha.name}: ${alpha.entry.dtype}[${alpha.entry.shape.join(',')}] is no number`]
  return []
}

const tensorOf = ({ entry, name }: Found): TE.TaskEither<FileError, Tensor> =>
  pipe(
    entry.read,
    TE.map((data) => fromStorage(data, entry.shape, entry.dtype, name)),
  )

const numberOf = ({ entry }: Found): TE.TaskEither<FileError, number> =>
  pipe(
    entry.read,
    TE.map((data) => widen(entry.dtype, data)[0]!),
  )

const optional = <K extends string>(
  key: K,
  found: Found | undefined,
): TE.TaskEither<FileError, { readonly [P in K]?: Tensor }> =>
  found === undefined
    ? TE.right({})
    : pipe(
        tensorOf(found),
        TE.map((x) => ({ [key]: x }) as { readonly [P in K]?: Tensor }),
      )

const moduleOf = (parts: Parts, alphaOf: AlphaOf): TE.TaskEither<FileError, LoraModule> => {
  const { sample, down, up, mid, magnitude, alpha } = parts
  const rank = down!.entry.shape[0] ?? 1
  return pipe(
    TE.Do,
    TE.bind('down', () => tensorOf(down!)),
    TE.bind('up', () => tensorOf(up!)),
    TE.bind('core', () => optional('mid', mid)),
    TE.bind('lengths', () => optional('magnitude', magnitude)),
    TE.bind('alpha', () => (alpha === undefined ? TE.right(alphaOf(sample.module, rank) ?? rank) : numberOf(alpha))),
    TE.map(({ core, lengths, ...factors }) => ({ name: sample.module, ...factors, ...core, ...lengths })),
  )
}

/**
 * A LoRA from a file, from the usual files of a folder or a hub repository, or from `Files`: kohya's names (`lora_unet_…_to_q.lora_down.weight`,
 * `lora_te_…`, `lora_te1_…`, `lora_te2_…`, those of the original SDXL among them), peft's (`unet.….lora_A.weight`) and the older ones of
 * diffusers; linear maps, convolutions and LoCon. An alpha that no tensor and no metadata names is the rank. `Left` names every tensor
 * that is none of these, and every module that lacks one (`CheckpointError`), or says what is wrong with the file (`FileError`).
 */
export const loadLora = (
  source: string | Files,
  { onNotes, ...options }: LoadLoraOptions = {},
): TE.TaskEither<LoadError, Lora> =>
  pipe(
    loneFile(source, usual, options),
    TE.bindTo('file'),
    TE.bind('entries', ({ file }) => tensorsOf(file)),
    TE.bind('alphaOf', ({ file }) => adapterMetadata(file)),
    TE.chainW(({ file, entries, alphaOf }) => async (): Promise<E.Either<LoadError, Lora>> => {
      const named = [...entries].map(([name, entry]) => ({ name, entry, ...loraName(name) }))
      const isFound = (f: (typeof named)[number]): f is Found => f.role !== undefined
      const modules = grouped(named.filter(isFound).filter((f) => f.role !== 'unused'))
      const unknown = named
        .filter((f) => !isFound(f))
        .map((f) => `${f.name}: is no tensor of a LoRA that is known here`)
      const twice = named
        .filter(isFound)
        .filter((f) => ![f, undefined].includes(modules.get(idOf(f))?.[f.role]))
        .map((f) => `${f.name}: is there under another name too`)
      const problems = [...unknown, ...twice, ...[...modules.values()].flatMap(problemsOf)]
      if (problems.length > 0) return E.left(new CheckpointError(file.path, problems))
      if (modules.size === 0) return E.left(new FileError(file.path, 'unsupported', 'holds no LoRA'))
      const read: (readonly [Named, LoraModule])[] = []
      for (const parts of modules.values()) {
        const module = await moduleOf(parts, alphaOf)()
        if (E.isLeft(module)) return module
        read.push([parts.sample, module.right])
      }
      const of = (component: LoraComponent): Readonly<Record<string, LoraModule>> =>
        Object.fromEntries(read.flatMap(([n, module]) => (n.component === component ? [[n.key, module]] : [])))
      const unused = named.filter((f) => f.role === 'unused').map((f) => `${f.name}: is not used`)
      if (unused.length > 0) onNotes?.(unused)
      return E.right({ unet: of('unet'), text_encoder: of('text_encoder'), text_encoder_2: of('text_encoder_2') })
    }),
  )
