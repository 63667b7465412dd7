/** A model from its folder, for specs. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { either as E } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { decodeConfig } from '../../src/core/config.ts'
import type { Architecture, Model } from '../../src/params/architecture.ts'
import { decodeParams } from '../../src/params/codec.ts'
import { fromStorage } from '../../src/tensor/tensor.ts'
import { readRecording } from './safetensors.ts'

/**
 * The model whose config.json and weights are in a folder: safetensors by the recordings' own reader, so that what is checked is the model
 * and not the loader; a .bin by the library. Throws what is wrong with it.
 */
export const loadModel = async <C, P>(architecture: Architecture<C, P>, folder: string): Promise<Model<C, P>> => {
  const files = (await readdir(folder)).filter((f) => /^(diffusion_pytorch_)?model.*\.safetensors$/.test(f))
  if (files.length === 0) return byLibrary(architecture, folder)
  const recorded = await Promise.all(files.map((f) => readRecording(join(folder, f))))
  const tensors = new Map(
    recorded
      .flatMap((r) => [...r])
      .map(([k, { values, shape }]) => [
        architecture.rename(k),
        fromStorage(Float32Array.from(values), shape, 'f32', k),
      ]),
  )
  const json = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as unknown
  const model = pipe(
    decodeConfig(architecture.config, json),
    E.chainW(({ config }) =>
      pipe(
        decodeParams(architecture.className, architecture.params(config), tensors),
        E.map((params) => ({ config, params })),
      ),
    ),
  )
  if (E.isLeft(model)) throw model.left
  return model.right
}

const byLibrary = async <C, P>(architecture: Architecture<C, P>, path: string): Promise<Model<C, P>> => {
  const { model, orThrow } = await import('../../src/params/load.ts')
  const { folder } = await import('../../src/params/files/folder.ts')
  return (await orThrow(model(architecture).read({ files: folder(path), name: '' }))).value
}
