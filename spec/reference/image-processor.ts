/** Recorded pictures and masks as tensors, by diffusers' VaeImageProcessor on Pillow: every number equal. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { clamp } from '../../src/tensor/nn.ts'
import { concat, tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { toImages, type Image } from '../../src/image/image.ts'
import { readPng } from '../../src/image/png.ts'
import { maskTensor, pictureTensor, resizeTensor, type MaskOptions, type ResizeMode } from '../../src/image/preprocess.ts'
import type { Filter } from '../../src/image/resample.ts'
import { orThrow } from '../../src/params/load.ts'
import { valuesOf } from '../support/host.ts'
import { compared, largest, type Check } from './result.ts'
import { readRecording, type Recorded } from './safetensors.ts'

type Processor = {
  readonly vae_scale_factor: number
  readonly resample?: Filter
  readonly do_resize?: boolean
  readonly do_normalize?: boolean
  readonly do_convert_grayscale?: boolean
  readonly do_binarize?: boolean
}
type Case = {
  readonly key: string
  readonly input: string
  readonly processor: Processor
  readonly height: number | null
  readonly width: number | null
  readonly resize_mode?: ResizeMode
}

const preprocess = (image: Image, { processor: p, height, width, resize_mode }: Case): Tensor => {
  const size = height === null || width === null ? {} : { height, width }
  const how: MaskOptions = { filter: p.resample ?? 'lanczos', mode: resize_mode ?? 'default' }
  // A picture that is not resized is one of its own size, whatever is asked for.
  const options = p.do_resize === false ? { ...how, multipleOf: 1 } : { ...how, ...size, multipleOf: p.vae_scale_factor }
  if (p.do_binarize === true) return maskTensor(image, options)
  return pictureTensor(image, { ...options, normalize: p.do_normalize ?? true, grayscale: p.do_convert_grayscale ?? false })
}

const same = (name: string, got: Tensor, { shape, values }: Recorded): Check =>
  compared(`image_processor/${name}`, got.shape.join() === shape.join() ? largest(valuesOf(got, 'f32'), values) : Infinity, 0)

const asTensor = ({ values, shape }: Recorded): Tensor => tensor(values, shape)
const colors = ({ rgba }: Image): Uint8ClampedArray => rgba.filter((_, i) => i % 4 !== 3)
const unit = (x: Tensor): Tensor => clamp(0, 1)(x.mul(0.5).add(0.5))

/** What a tensor becomes after a run: numbers in [0, 1], bytes. */
const postprocessed = async (kind: string, x: Tensor): Promise<ArrayLike<number>> => {
  if (kind === 'uint8') return (await toImages(x)).flatMap((image) => [...colors(image)])
  // Of two samples, the first as it is.
  if (kind === 'no_denormalize') return valuesOf(concat([x.slice(0, 0, 1), unit(x.slice(0, 1))]), 'f32')
  return valuesOf(kind === 'np' ? unit(x).permute(0, 2, 3, 1) : unit(x), 'f32')
}

/** Every recorded case of a directory laid out like reference/open/pipelines/image_processor. */
export const checkImageProcessor = async (dir: string): Promise<readonly Check[]> => {
  const text = await readFile(join(dir, 'image_processor.json'), 'utf8')
  // The reference's file lacks its first line, and with it the opening brace.
  const { cases } = JSON.parse(text.replace(/^\s*,/, '{')) as { readonly cases: readonly Case[] }
  const recorded = await readRecording(join(dir, 'image_processor.safetensors'))
  const names = [...recorded.keys()]
  const inputs = new Map<string, Image>()
  for (const name of names.filter((n) => n.startsWith('in.')))
    inputs.set(name, await orThrow(readPng(join(dir, `${name.replace('.', '_')}.png`))))
  const files = [...inputs].map(([name, image]) =>
    compared(`image_processor/${name}.png`, largest(colors(image), recorded.get(name)!.values), 0),
  )
  const pictures = cases.map((c) => same(`${c.key} of ${c.input} ${JSON.stringify(c.processor)}`, preprocess(inputs.get(c.input)!, c), recorded.get(c.key)!))
  const tensors = names.flatMap((name) => {
    const [, , height, width] = /^(pt|np)_pre(?:_(\d+)x(\d+))?$/.exec(name) ?? []
    if (!/^(pt|np)_pre/.test(name)) return []
    const size = height === undefined ? {} : { height: Number(height), width: Number(width) }
    return [same(name, resizeTensor(asTensor(recorded.get('pt_in')!), size), recorded.get(name)!)]
  })
  const after: Check[] = []
  for (const name of names) {
    const [, kind, input] = /^post_(?!in\.)(\w+)\.(\w+)$/.exec(name) ?? []
    if (kind === undefined) continue
    const got = await postprocessed(kind, asTensor(recorded.get(`post_in.${input}`)!))
    after.push(compared(`image_processor/${name}`, largest(got, recorded.get(name)!.values), 0))
  }
  return [...files, ...pictures, ...tensors, ...after]
}
