/** What is asked of a text-to-image model, and what its UNet is told of that. */
import { compile, type CompileOptions } from '../backend/compile.ts'
import { ConfigError } from '../errors.ts'
import { concat, tensor, zeros, type Tensor } from '../tensor/tensor.ts'
import { repeated, type Condition } from './condition.ts'
import type { Guided } from './guide.ts'
import { nativeSize, type Size } from './latents.ts'
import { lend, type Own } from './owning.ts'
import { promptEncoder, type PromptEncoder } from './prompts.ts'
import { isXL, type StableDiffusion, type StableDiffusionXL } from './stable-diffusion.ts'

/** A text, or one for each picture. */
export type Texts = string | readonly string[]

/** What to draw. Only `prompt` has to be said. */
export type PromptRequest = {
  readonly prompt: Texts
  /** What the second text encoder of XL is told; `prompt` unless given. */
  readonly prompt2?: Texts
  /** What to turn away from: one for all, or one for each prompt. The empty text unless given; of XL, zeros. */
  readonly negative?: Texts
  readonly negative2?: Texts
  /** w of classifier-free guidance; 1 and less is none. 7.5 unless given, 5 for XL. */
  readonly guidance?: number
  /** φ: how much of the contrast of the unguided answer is restored, 0 … 1. Lin et al. 2023, section 3.4. */
  readonly guidanceRescale?: number
  /** Pictures for each prompt. */
  readonly count?: number
  /** How many of the text encoder's last layers are left out; of the prompt's, not of the negative one's. */
  readonly clipSkip?: number
  /** The size in pixels; the one that the model was trained on unless given. */
  readonly width?: number
  readonly height?: number
  /** Noise to start from, [N, C, h, w] of variance 1, in place of the seed's. */
  readonly latents?: Tensor
  /** What the UNet is told, in place of encoded prompts: of as many pictures as there are prompts. */
  readonly conditions?: { readonly positive: Condition; readonly negative?: Condition }
  /** The share of the noise to take out, 1 unless given; the rest is left to another model. Podell et al. 2023, section 2.5. */
  readonly denoisingEnd?: number
  /** What XL is told of the picture's making; the size, uncropped, unless given. */
  readonly sizes?: XLSizes
}

/** [height, width] in pixels each; the crop is [top, left]. Podell et al. 2023, section 2.2. */
export type XLSizes = {
  readonly original?: readonly [number, number]
  readonly crop?: readonly [number, number]
  readonly target?: readonly [number, number]
  readonly negativeOriginal?: readonly [number, number]
  readonly negativeCrop?: readonly [number, number]
  readonly negativeTarget?: readonly [number, number]
}

/** A request's size in pixels. */
export const sizeOf = (sd: StableDiffusion, { width, height }: Partial<Size>): Size => {
  const native = nativeSize(sd)
  return { width: width ?? native.width, height: height ?? native.height }
}

/** A request's prompts. */
export const promptsOf = ({ prompt }: PromptRequest): readonly string[] =>
  typeof prompt === 'string' ? [prompt] : prompt

/** How many pictures a request asks for. */
export const picturesOf = (request: PromptRequest): number => promptsOf(request).length * (request.count ?? 1)

const each = (
  field: string,
  texts: Texts | undefined,
  count: number,
  otherwise: readonly string[],
): readonly string[] => {
  if (texts === undefined) return otherwise
  if (typeof texts === 'string') return Array.from({ length: count }, () => texts)
  if (texts.length !== count) throw new ConfigError(field, texts, [`${count} texts`], `has ${texts.length} of them`)
  return texts
}

/** sin and cos of 1000 w at frequencies of a geometric grid, [1, features]: how a distilled model is told the guidance. Meng et al. 2023. */
export const guidanceEmbedding = (w: number, features: number): Tensor => {
  const half = Math.floor(features / 2)
  const angles = Array.from({ length: half }, (_, i) => 1000 * w * Math.exp((-Math.log(10000) * i) / (half - 1)))
  const filled = [...angles.map(Math.sin), ...angles.map(Math.cos), ...(features % 2 === 1 ? [0] : [])]
  return tensor(filled, [1, features])
}

/** Requests to conditions, for the N pictures asked for: encoded once, on the device. `own` is told of all that was computed. */
export type ConditionOf = (request: PromptRequest, own?: Own) => Guided<Condition>

/** Is there guidance to be done? A distilled model is told the scale instead. */
const isGuided = (sd: StableDiffusion, scale: number): boolean =>
  scale > 1 && sd.unet.config.time_cond_proj_dim === null

const distilled = (sd: StableDiffusion, scale: number, count: number): Partial<Condition> => {
  const features = sd.unet.config.time_cond_proj_dim
  return features === null ? {} : { timestepCond: guidanceEmbedding(scale - 1, features).expand(count, features) }
}

const plainConditions = (sd: StableDiffusion, options: CompileOptions): ConditionOf => {
  const encode = promptEncoder(sd.tokenizer, sd.text_encoder, 'last', options)
  return (request, own = lend) => {
    const prompts = promptsOf(request)
    const { count = 1, guidance: scale = 7.5, guidanceRescale, clipSkip } = request
    const condition = (states: Tensor): Condition => ({
      encoderHiddenStates: states,
      ...distilled(sd, scale, prompts.length),
    })
    const positive = repeated(condition(own(encode(prompts, { clipSkip })).states), count)
    if (!isGuided(sd, scale)) return { positive }
    const none = prompts.map(() => '')
    const negative = own(encode(each('negative', request.negative, prompts.length, none))).states
    return { positive, negative: repeated(condition(negative), count), scale, ...rescaling(guidanceRescale) }
  }
}

const rescaling = (phi: number | undefined): { readonly rescale?: number } =>
  phi === undefined || phi === 0 ? {} : { rescale: phi }

const beside = compile((x: Tensor, y: Tensor) => concat([x, y], 2))

const xlConditions = (sd: StableDiffusionXL, options: CompileOptions): ConditionOf => {
  const first = promptEncoder(sd.tokenizer, sd.text_encoder, 'penultimate', options)
  const second = promptEncoder(sd.tokenizer_2, sd.text_encoder_2, 'penultimate', options)
  const join = options.backend === undefined ? beside : compile((x: Tensor, y: Tensor) => concat([x, y], 2), options)
  type Both = { readonly states: Tensor; readonly pooled: Tensor }
  const encode = (own: Own, a: readonly string[], b: readonly string[], o: Parameters<PromptEncoder>[1]): Both => {
    const { states, pooled } = own(second(b, o))
    return { states: own(join(own(first(a, o)).states, states)), pooled }
  }
  return (request, own = lend) => {
    const prompts = promptsOf(request)
    const n = prompts.length
    const { count = 1, guidance: scale = 5, guidanceRescale, clipSkip, sizes = {} } = request
    const { width, height } = sizeOf(sd, request)
    const { original = [height, width], crop = [0, 0], target = [height, width] } = sizes
    const { negativeOriginal, negativeCrop = [0, 0], negativeTarget } = sizes
    const given = [...original, ...crop, ...target]
    const away =
      negativeOriginal === undefined || negativeTarget === undefined
        ? given
        : [...negativeOriginal, ...negativeCrop, ...negativeTarget]
    const condition = ({ states, pooled }: Both, ids: readonly number[]): Condition => ({
      encoderHiddenStates: states,
      added: {
        textEmbeds: pooled,
        timeIds: tensor(
          prompts.flatMap(() => [...ids]),
          [n, ids.length],
        ),
      },
      ...distilled(sd, scale, n),
    })
    const told = encode(own, prompts, each('prompt2', request.prompt2, n, prompts), { clipSkip })
    const positive = repeated(condition(told, given), count)
    if (!isGuided(sd, scale)) return { positive }
    const silent = (): Both => ({ states: zeros(told.states.shape), pooled: zeros(told.pooled.shape) })
    const said = (): Both => {
      const negative = each(
        'negative',
        request.negative,
        n,
        prompts.map(() => ''),
      )
      return encode(own, negative, each('negative2', request.negative2, n, negative), {})
    }
    const negative = request.negative === undefined && sd.zeroNegative ? silent() : said()
    return { positive, negative: repeated(condition(negative, away), count), scale, ...rescaling(guidanceRescale) }
  }
}

/** The conditions of a model's requests. Texts that do not match the prompts are a `ConfigError`. */
export const conditionsOf = (sd: StableDiffusion | StableDiffusionXL, options: CompileOptions = {}): ConditionOf => {
  const encoded = isXL(sd) ? xlConditions(sd, options) : plainConditions(sd, options)
  return (request, own) => {
    if (request.conditions === undefined) return encoded(request, own)
    const { positive, negative } = request.conditions
    const { count = 1, guidance: scale = isXL(sd) ? 5 : 7.5, guidanceRescale } = request
    if (negative === undefined || !isGuided(sd, scale)) return { positive: repeated(positive, count) }
    const both = { positive: repeated(positive, count), negative: repeated(negative, count) }
    return { ...both, scale, ...rescaling(guidanceRescale) }
  }
}
