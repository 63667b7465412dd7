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

/** The model whose config.json and safetensors files are in a folder. Throws what is wrong with it. */
export const loadModel = async <C, P>(architecture: Architecture<C, P>, folder: string): Promise<Model<C, P>> => {
  const files = (await readdir(folder)).filter((f) => /^diffusion_pytorch_model.*\.safetensors$/.test(f))
  const recorded = await Promise.all(files.map((f) => readRecording(join(folder, f))))
  const tensors = new Map(
    recorded.flatMap((r) =>
      [...r].map(
        ([k, { values, shape }]) =>
          [architecture.rename(k), fromStorage(Float32Array.from(values), shape, 'f32', k)] as const,
      ),
    ),
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
