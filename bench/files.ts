/** What the workloads are made of, on disk: written once, so that every peer reads the same numbers. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { backend, clipText, batchOf, compile, load, orThrow, randn, read, seed, StableDiffusion, tensor } from 'diffold'
import { writeUnet } from '../examples/random-checkpoint.ts'
import type { Workload } from './workloads/catalogue.ts'
import { numbersOf } from './workloads/kernels.ts'
import { emoji, full, quarter, wordsOf } from './workloads/pictures.ts'
import type { Store } from './workloads/work.ts'

const models = fileURLToPath(new URL('../models', import.meta.url))

/** The folder of a checkpoint. */
export const checkpointIn = (cache: string, name: string): string =>
  existsSync(join(models, name)) ? join(models, name) : join(cache, name)

/** The numbers in a folder. */
export const files = (cache: string): Store => ({
  floats: async (name) => new Float32Array(new Uint8Array(await readFile(join(cache, `${name}.f32`))).buffer),
  checkpoint: (name) => checkpointIn(cache, name),
})

const put = async (path: string, make: () => Promise<Float32Array>): Promise<void> => {
  if (existsSync(path)) return
  await mkdir(dirname(path), { recursive: true })
  const values = await make()
  await writeFile(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
}

const normals = async (seedOf: number, shape: readonly number[], deviation: number): Promise<Float32Array> =>
  (await read(randn(seed(seedOf), shape))).map((v) => v * deviation)

/** The hidden states of nothing, and of a prompt. */
const emojiWords = async (): Promise<Float32Array> => {
  const name = 'wasm'
  await backend(name)
  const sd = await orThrow(load(StableDiffusion, join(models, emoji.checkpoint)))
  const { ids } = batchOf(sd.tokenizer)(['', 'a tiger face'])
  return read(compile(clipText(sd.text_encoder), { backend: name })(tensor(ids.flat(), [2, 77], 'i32')).lastHiddenState)
}

const seedOfName = (name: string): number => [...name].reduce((h, c) => (h * 31 + c.charCodeAt(0)) >>> 0, 7)

/** Writes what the workloads need and what is not there yet. */
export const writeFiles = async (cache: string, wanted: readonly Workload[]): Promise<void> => {
  for (const { id, kernel } of wanted) {
    for (const { name, shape, deviation } of kernel === undefined ? [] : numbersOf(kernel))
      await put(join(cache, `${name}.f32`), () => normals(seedOfName(name), shape, deviation))
    if (id === 'W2') await put(join(cache, `${wordsOf(emoji)}.f32`), emojiWords)
    for (const [name, size, width] of [
      ['W3', quarter, 1 / 4],
      ['W4', full, 1],
    ] as const) {
      if (id !== name) continue
      await put(join(cache, `${wordsOf(size)}.f32`), () => normals(3, [2, ...size.words], 1))
      const folder = join(cache, size.checkpoint)
      if (!existsSync(join(folder, 'model_index.json'))) await writeUnet(folder, width)
    }
  }
}
