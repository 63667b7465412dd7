/** A small pipeline in memory, with whatever is to be wrong with it, for specs. */
import { either as E } from 'fp-ts'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { LoadError } from '../../src/errors.ts'
import type { Files } from '../../src/params/files/files.ts'
import { memory } from '../../src/params/files/memory.ts'
import { load, orThrow, type LoadOptions, type Notes } from '../../src/params/load.ts'
import { DDPM } from '../../src/pipelines/unconditional.ts'
import { written } from './written.ts'

/** Contents by path; `undefined` for a file that is not there. */
export type Contents = Readonly<Record<string, Uint8Array | undefined>>
type Header = { dtype: string; shape: readonly number[]; data_offsets: readonly [number, number] }
type Stored = { readonly header: Header; readonly data: Uint8Array }

/** A file of a recorded model. */
export const recorded = (path: string): Uint8Array =>
  readFileSync(fileURLToPath(new URL(`../reference/data/models/${path}`, import.meta.url)))
/** A value as a JSON file. */
export const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
/** The JSON of a file. */
export const parsed = (file: Uint8Array): object => JSON.parse(new TextDecoder().decode(file)) as object

/** Where the pipeline has its weights. */
export const weights = 'unet/diffusion_pytorch_model.safetensors'
/** Its index. */
export const index = {
  _class_name: 'DDPMPipeline',
  unet: ['diffusers', 'UNet2DModel'],
  scheduler: ['diffusers', 'DDPMScheduler'],
}
/** The pipeline, with nothing wrong. */
export const whole = {
  'model_index.json': json(index),
  'scheduler/scheduler_config.json': json({ _class_name: 'DDPMScheduler', beta_end: 0.03 }),
  'unet/config.json': recorded('unet2d_ddpm/config.json'),
  [weights]: recorded('unet2d_ddpm/diffusion_pytorch_model.safetensors'),
} as const

/** Its weights, with something done to them. */
export const changed = (change: (tensors: Map<string, Stored>) => Iterable<readonly [string, Stored]> | void) => {
  const file = whole[weights]!
  const data = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
  const headers = Object.entries(parsed(file.subarray(8, data))).filter(([name]) => name !== '__metadata__')
  const tensors = new Map(
    (headers as [string, Header][]).map(([name, header]) => {
      const [start, end] = header.data_offsets
      return [name, { header, data: file.subarray(data + start, data + end) }] as const
    }),
  )
  const now = [...(change(tensors) ?? tensors)]
  let at = 0
  const placed = now.map(([name, t]) => {
    const start = at
    at += t.data.length
    return [name, { ...t.header, data_offsets: [start, at] }] as const
  })
  return written(Object.fromEntries(placed), new Uint8Array(Buffer.concat(now.map(([, t]) => t.data))))
}

/** The pipeline with changes. */
export const filesOf = (changes: Contents): Files => {
  const contents = Object.entries({ ...whole, ...changes } as Contents)
  return memory('m', Object.fromEntries(contents.flatMap(([k, v]) => (v === undefined ? [] : [[k, v] as const]))))
}
/** What is noticed while it is loaded. */
export const notesOf = async (changes: Contents): Promise<Notes> => {
  const noted: Notes[] = []
  await orThrow(load(DDPM, filesOf(changes), { onNotes: (notes) => noted.push(notes) }))
  return noted.flat()
}
/** Why it cannot be loaded. */
export const failure = async (changes: Contents, options: LoadOptions = {}): Promise<LoadError> => {
  const result = await load(DDPM, filesOf(changes), options)()
  if (E.isRight(result)) throw new Error('was expected to fail')
  return result.left
}
