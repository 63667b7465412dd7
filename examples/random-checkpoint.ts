/** A checkpoint in the layout of Stable Diffusion 1.5, of random weights in f16 and of any width: for sizes and times, not for pictures. */
import { mkdir, open, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AutoencoderKL, CLIPTextModel, expectedOf, UNet2DConditionModel, type Architecture } from 'diffold'

type Config = Readonly<Record<string, unknown>>

/** Random values of ±[2⁻⁶, 2⁻⁵), two to a word: sign and mantissa by xorshift, the exponent fixed. */
const random = (count: number): Uint8Array => {
  const words = new Uint32Array(Math.ceil(count / 2))
  let state = 0x9e3779b9
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[i] = (state & 0x83ff83ff) | 0x24002400
  }
  return new Uint8Array(words.buffer, 0, 2 * count)
}
const same = (count: number, bits: number): Uint8Array => new Uint8Array(new Uint16Array(count).fill(bits).buffer)

/** The weights that a config calls for, one tensor in memory at a time: gains 1, shifts 0, the others random. */
const writeWeights = async (path: string, shapes: ReadonlyMap<string, readonly number[]>): Promise<void> => {
  const sizes = [...shapes].map(([name, shape]) => ({ name, shape, count: shape.reduce((a, b) => a * b, 1) }))
  let at = 0
  const entries = sizes.map(({ name, shape, count }) => {
    const start = at
    at += 2 * count
    return [name, { dtype: 'F16', shape, data_offsets: [start, at] }] as const
  })
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)))
  const length = new Uint8Array(new BigUint64Array([BigInt(header.length)]).buffer)
  const file = await open(path, 'w')
  for (const part of [length, header]) await file.write(part)
  for (const { name, shape, count } of sizes)
    await file.write(shape.length > 1 ? random(count) : same(count, name.endsWith('.bias') ? 0 : 0x3c00))
  await file.close()
}

const put = async (path: string, content: unknown): Promise<void> => {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
}

const component = async <C, P>(folder: string, architecture: Architecture<C, P>, config: Config): Promise<void> => {
  await put(join(folder, 'config.json'), { _class_name: architecture.className, ...config })
  const decoded = architecture.config.decode(config)
  if (decoded._tag === 'Left') throw new Error(`${architecture.className} has no such config`)
  const name = architecture.className.startsWith('CLIP') ? 'model' : 'diffusion_pytorch_model'
  await writeWeights(join(folder, `${name}.safetensors`), expectedOf(architecture.params(decoded.right)))
}

/** A tokenizer of as many tokens as CLIP's: bytes, bytes at the end of a word, and fillers. */
const vocabulary = (size: number): Readonly<Record<string, number>> => {
  const printable = Array.from({ length: 256 }, (_, b) => ((b & 127) > 32 && b !== 127 && b !== 173 ? b : 256 + b))
  const bytes = [...new Set(printable)].map((b) => String.fromCodePoint(b))
  const known = [...bytes, ...bytes.map((b) => `${b}</w>`)]
  const fillers = Array.from({ length: size - known.length - 2 }, (_, i) => `<|filler ${i}|>`)
  const all = [...known, ...fillers, '<|startoftext|>', '<|endoftext|>']
  return Object.fromEntries(all.map((token, id) => [token, id]))
}

/** How many channels there are of `full` at this width: a multiple of 16, for normalisation to divide. */
const at = (width: number, full: number): number => Math.max(16, Math.round((full * width) / 16) * 16)

/** The UNet, and the scheduler that goes with it. Width 1 is Stable Diffusion 1.5, of 860 million parameters. */
export const writeUnet = async (folder: string, width = 1): Promise<void> => {
  await component(join(folder, 'unet'), UNet2DConditionModel, {
    sample_size: width === 1 ? 64 : 32,
    block_out_channels: [320, 640, 1280, 1280].map((c) => at(width, c)),
    cross_attention_dim: at(width, 768),
    norm_num_groups: width === 1 ? 32 : 16,
    attention_head_dim: 8,
  })
  await put(join(folder, 'scheduler/scheduler_config.json'), {
    _class_name: 'PNDMScheduler',
    beta_start: 0.00085,
    beta_end: 0.012,
    beta_schedule: 'scaled_linear',
    skip_prk_steps: true,
    steps_offset: 1,
  })
  // Last, so that a folder with an index is whole.
  await put(join(folder, 'model_index.json'), {
    _class_name: 'StableDiffusionPipeline',
    unet: ['diffusers', 'UNet2DConditionModel'],
    scheduler: ['diffusers', 'PNDMScheduler'],
  })
}

/** The whole pipeline at full width: 2 GB. */
export const writePipeline = async (folder: string): Promise<void> => {
  await writeUnet(folder)
  await component(join(folder, 'vae'), AutoencoderKL, {
    block_out_channels: [128, 256, 512, 512],
    down_block_types: Array(4).fill('DownEncoderBlock2D'),
    up_block_types: Array(4).fill('UpDecoderBlock2D'),
    layers_per_block: 2,
    sample_size: 512,
  })
  await component(join(folder, 'text_encoder'), CLIPTextModel, {
    vocab_size: 49408,
    hidden_size: 768,
    intermediate_size: 3072,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    max_position_embeddings: 77,
    hidden_act: 'quick_gelu',
  })
  await put(join(folder, 'tokenizer/vocab.json'), vocabulary(49408))
  await put(join(folder, 'tokenizer/merges.txt'), '#version: 0.2\n')
  await put(join(folder, 'tokenizer/tokenizer_config.json'), { model_max_length: 77, pad_token: '<|endoftext|>' })
  await put(join(folder, 'model_index.json'), {
    _class_name: 'StableDiffusionPipeline',
    unet: ['diffusers', 'UNet2DConditionModel'],
    vae: ['diffusers', 'AutoencoderKL'],
    text_encoder: ['transformers', 'CLIPTextModel'],
    tokenizer: ['transformers', 'CLIPTokenizer'],
    scheduler: ['diffusers', 'PNDMScheduler'],
  })
}
