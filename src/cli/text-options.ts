/** Options of drawing that only checkpoints have which draw from texts. */
import { InvalidArgumentError, Option } from 'commander'
import type { Size } from '../pipelines/latents.ts'
import { between, wholeFrom } from './options.ts'

/** A LoRA's file, and how much of it. */
export type LoraFile = { readonly file: string; readonly weight: number }

/** What they parse to. */
export type TextOptions = {
  readonly negative?: string
  readonly guidance?: number
  readonly image?: string
  readonly mask?: string
  readonly strength?: number
  readonly size?: Size
  readonly clipSkip?: number
  readonly lora?: readonly LoraFile[]
}

/** `512x768`: width, then height. */
export const sizeFrom = (text: string): Size => {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? []
  if (!(Number(width) > 0 && Number(height) > 0))
    throw new InvalidArgumentError('expected a width and a height, such as 512x512.')
  return { width: Number(width), height: Number(height) }
}

/** `style.safetensors:0.8`, after those that were named before; all of it unless weighed. */
export const loraFrom = (text: string, before: readonly LoraFile[] = []): readonly LoraFile[] => {
  const [, file, weight] = /^(.+?)(?::([+-]?(?:\d+\.?\d*|\.\d+)))?$/.exec(text) ?? []
  if (file === undefined) throw new InvalidArgumentError('expected a file, or a file and its weight, file:0.8.')
  return [...before, { file, weight: Number(weight ?? 1) }]
}

/** The options, in the order in which help lists them. */
export const textOptions = (): readonly Option[] => [
  new Option('--negative <text>', 'what to turn away from'),
  new Option(
    '--guidance <w>',
    'how closely to follow the prompt; 1 is without guidance (default: 7.5, of XL 5)',
  ).argParser(between(0, Infinity)),
  new Option('--image <png>', 'a picture to start from'),
  new Option('--mask <png>', 'white where that picture is to be drawn anew'),
  new Option(
    '--strength <s>',
    'how little of the picture stays, up to 1 (default: 0.8, of XL 0.3, with a mask 1)',
  ).argParser(between(0, 1)),
  new Option('--size <WxH>', 'pixels (default: what the model was trained on)').argParser(sizeFrom),
  new Option('--clip-skip <n>', 'how many of the last layers of the text encoder to leave out').argParser(wholeFrom(0)),
  new Option('--lora <file[:weight]>', 'a LoRA to apply; may be given several times').argParser(loraFrom),
]
