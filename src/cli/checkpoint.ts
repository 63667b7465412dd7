/** The checkpoint that a command is about: which pipeline it is, and its parts. */
import { either as E } from 'fp-ts'
import { ConfigError } from '../errors.ts'
import type { Files } from '../params/files/files.ts'
import { config, load, orThrow, type Component, type LoadOptions } from '../params/load.ts'
import { open } from '../params/open.ts'
import { StableDiffusion, StableDiffusionXL } from '../pipelines/stable-diffusion.ts'
import { DDPM, type UnconditionalModel } from '../pipelines/unconditional.ts'

/** Pipelines by what diffusers calls them. */
const classes = {
  DDPMPipeline: 'unconditional',
  DDIMPipeline: 'unconditional',
  StableDiffusionPipeline: 'text',
  StableDiffusionImg2ImgPipeline: 'text',
  StableDiffusionInpaintPipeline: 'text',
  StableDiffusionXLPipeline: 'text',
  StableDiffusionXLImg2ImgPipeline: 'text',
  StableDiffusionXLInpaintPipeline: 'text',
} as const

/** The name of a pipeline in model_index.json. */
export type ClassName = keyof typeof classes

/** What a checkpoint draws: pictures from noise alone, or from texts too. */
export type Kind = (typeof classes)[ClassName]

const isClassName = (name: unknown): name is ClassName => typeof name === 'string' && Object.hasOwn(classes, name)

const className: Component<ClassName> = config('model_index.json', (raw) => {
  const { _class_name: name } = raw as { readonly _class_name?: unknown }
  if (isClassName(name)) return E.right({ value: name, notes: [] })
  return E.left(new ConfigError('_class_name', name ?? null, Object.keys(classes), 'is no pipeline that is known here'))
})

/** A checkpoint whose index has been read. */
export type Checkpoint = { readonly files: Files; readonly className: ClassName; readonly kind: Kind }

/** Opens a checkpoint. A pipeline that is not known is a `ConfigError` that lists those that are. */
export const openCheckpoint = async (source: string, options: LoadOptions): Promise<Checkpoint> => {
  const files = await orThrow(open(source, options))
  const { name } = await orThrow(load({ name: className }, files))
  return { files, className: name, kind: classes[name] }
}

/** The parts of a checkpoint that draws from noise alone. */
export const loadUnconditional = ({ files }: Checkpoint, options: LoadOptions): Promise<UnconditionalModel> =>
  orThrow(load(DDPM, files, options))

/** The parts of a checkpoint that draws from texts. */
export const loadText = (
  { files, className: name }: Checkpoint,
  options: LoadOptions,
): Promise<StableDiffusion | StableDiffusionXL> =>
  name.startsWith('StableDiffusionXL')
    ? orThrow(load(StableDiffusionXL, files, options))
    : orThrow(load(StableDiffusion, files, options))
