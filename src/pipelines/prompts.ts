/** Prompts as what a UNet is told: hidden states of a CLIP text encoder, and its pooled text. */
import { compile, type CompileOptions } from '../backend/compile.ts'
import { ConfigError } from '../errors.ts'
import { clipFinalNorm, clipText, type CLIPTextConfig, type CLIPTextParams } from '../models/clip-text.ts'
import type { Model } from '../params/architecture.ts'
import { tensor, type Tensor } from '../tensor/tensor.ts'
import { isWeighted, weightedParts, type Weighted } from '../text/prompt-weights.ts'
import type { Tokenizer } from '../text/tokenizer.ts'

/** A prompt as tokens: ids between the special ones, cut and filled to the tokenizer's length, and the weight of each. */
export type Tokens = {
  readonly ids: readonly number[]
  readonly weights: readonly number[]
  /** 1 for tokens, 0 for what fills the row. */
  readonly mask: readonly number[]
  /** How many ids did not fit. */
  readonly cut: number
}

/** The tokens of a prompt, whose parts may be weighted, `(words:1.3)`. */
export const tokensOf = (t: Tokenizer, prompt: string): Tokens => {
  const [start, end] = [t.encode('').slice(0, 1), t.encode('').slice(-1)]
  const parts = weightedParts(prompt)
  const idsOf = ({ text }: Weighted): readonly number[] => t.encode(text).slice(start.length, -end.length)
  const inside = isWeighted(parts)
    ? parts.flatMap((part) => idsOf(part).map((id) => [id, part.weight] as const))
    : idsOf({ text: parts.map((p) => p.text).join(''), weight: 1 }).map((id) => [id, 1] as const)
  const room = t.maxLength - start.length - end.length
  const kept = inside.slice(0, room)
  const all = [...start.map((id) => [id, 1] as const), ...kept, ...end.map((id) => [id, 1] as const)]
  const row = <A>(f: (token: readonly [number, number]) => A, rest: A): A[] =>
    Array.from({ length: t.maxLength }, (_, i) => (all[i] === undefined ? rest : f(all[i])))
  return {
    ids: row(([id]) => id, t.pad),
    weights: row(([, weight]) => weight, 1),
    mask: row(() => 1, 0),
    cut: inside.length - kept.length,
  }
}

/** How prompts are encoded. */
export type PromptOptions = {
  /** How many of the encoder's last layers are left out. */
  readonly clipSkip?: number | undefined
}

/** N prompts encoded: hidden states [N, T, C], and the pooled text [N, projection], projected if the encoder does that. */
export type EncodedPrompts = { readonly states: Tensor; readonly pooled: Tensor }

/** Texts to what a UNet is told of them. */
export type PromptEncoder = (texts: readonly string[], options?: PromptOptions) => EncodedPrompts

/**
 * States whose tokens are weighed, with the mean over [T, C] that they had before, so that weights move attention and leave the rest
 * alone, as the first web interface to Stable Diffusion has it.
 */
const weighed = (states: Tensor, weights: Tensor): Tensor => {
  const scaled = states.mul(weights.reshape(...weights.shape, 1))
  return scaled.mul(states.mean(1, 2).div(scaled.mean(1, 2)))
}

/**
 * The states a family of models wants: `last` is the last layer's, normed (Stable Diffusion 1 and 2: with `clipSkip` k, the layer k before
 * it, normed too); `penultimate` is the one before the last as it is (SDXL: with `clipSkip` k, the one k before that).
 */
export type Layer = 'last' | 'penultimate'

/** An encoder of prompts, compiled once. A `clipSkip` that leaves no layer is a `ConfigError`. */
export const promptEncoder = (
  tokenizer: Tokenizer,
  encoder: Model<CLIPTextConfig, CLIPTextParams>,
  layer: Layer,
  options: CompileOptions = {},
): PromptEncoder => {
  const encode = clipText(encoder)
  const norm = clipFinalNorm(encoder)
  type Input = { readonly ids: Tensor; readonly mask: Tensor | undefined; readonly weights: Tensor | undefined }
  const run = compile(({ ids, mask, weights }: Input, skipped: string): EncodedPrompts => {
    const { hiddenStates, lastHiddenState, pooled, textEmbeds } = encode(ids, { mask })
    const before = hiddenStates.at(-1 - Number(skipped) - (layer === 'penultimate' ? 1 : 0))!
    const states = layer === 'penultimate' ? before : skipped === '0' ? lastHiddenState : norm(before)
    return { states: weights === undefined ? states : weighed(states, weights), pooled: textEmbeds ?? pooled }
  }, options)
  const layers = encoder.config.num_hidden_layers
  return (texts, { clipSkip = 0 } = {}) => {
    const most = layers - (layer === 'penultimate' ? 1 : 0)
    if (!Number.isInteger(clipSkip) || clipSkip < 0 || clipSkip > most)
      throw new ConfigError('clipSkip', clipSkip, [`0 … ${most}`], `leaves no layer of ${layers}`)
    const rows = texts.map((text) => tokensOf(tokenizer, text))
    const shape = [rows.length, tokenizer.maxLength]
    const of = (f: (row: Tokens) => readonly number[], dtype: 'i32' | 'f32'): Tensor =>
      tensor(rows.flatMap(f), shape, dtype)
    const weights = rows.some((r) => r.weights.some((w) => w !== 1)) ? of((r) => r.weights, 'f32') : undefined
    return run({ ids: of((r) => r.ids, 'i32'), mask: undefined, weights }, `${clipSkip}`)
  }
}
