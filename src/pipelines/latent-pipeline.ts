/** What every pipeline over latents has in common: a start, a fold, a decoder. */
import type { CompileOptions } from '../backend/compile.ts'
import { ProgramError } from '../errors.ts'
import { toImages, type Image } from '../image/image.ts'
import type { AutoencoderOptions } from '../models/autoencoder-kl.ts'
import type { Seed } from '../random/generator.ts'
import { schedulerNamed, type AnyScheduler } from '../schedulers/by-name.ts'
import type { SchedulerConfig } from '../schedulers/config.ts'
import type { Scheduler } from '../schedulers/scheduler.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { LatentCodec } from './latents.ts'
import type { Combine } from './guide.ts'
import { finish, owning, using, type Own } from './owning.ts'
import type { Progress, RunOptions } from './sample.ts'
import type { LatentDiffusion } from './stable-diffusion.ts'
import type { DrawOptions } from './unconditional.ts'

/** A state with the sample in `x`, as every scheduler's is. */
export type SampleState = { readonly x: Tensor }

/**
 * A scheduler's constructor, which is applied to the config of the checkpoint: `unipcScheduler`, or with options of its own
 * `(config, steps, options) => ddimScheduler(config, steps, { ...options, eta: 1 })`.
 */
export type MakeScheduler<S extends SampleState, K extends string> = (
  config: SchedulerConfig,
  steps: number,
  options: { readonly begin?: number },
) => Scheduler<S, K>

/** How a pipeline is made. */
export type PipelineOptions<S extends SampleState = SampleState, K extends string = string> = CompileOptions &
  AutoencoderOptions & {
    /** A constructor, or the name of a family (`unipc`, `UniPCMultistepScheduler`); the checkpoint's own unless given. */
    readonly scheduler?: MakeScheduler<S, K> | string
    /** Denoising steps; 50 unless given. */
    readonly steps?: number
    /** How guidance combines the answers to the prompt and to the negative one; `guidance` unless given. */
    readonly combine?: Combine
  }

/** A function of where a fold begins, whose answers are kept. */
export const memo = <A>(f: (begin: number) => A): ((begin: number) => A) => {
  const known = new Map<number, A>()
  return (begin) => {
    const there = known.get(begin) ?? f(begin)
    known.set(begin, there)
    return there
  }
}

/** The schedulers that a pipeline asks for, one for each place to begin at. Unknown names are a `ConfigError`. */
export const schedulersOf = <S extends SampleState, K extends string>(
  { scheduler: config }: LatentDiffusion,
  { scheduler: asked, steps = 50 }: PipelineOptions<S, K>,
): ((begin: number) => AnyScheduler) => {
  const name = asked ?? config['_class_name'] ?? 'PNDMScheduler'
  return memo((begin) =>
    typeof name === 'function'
      ? // Its states and coefficients are handed back to it, and to nobody else.
        (name(config, steps, { begin }) as unknown as AnyScheduler)
      : schedulerNamed(String(name), config, steps, { begin }),
  )
}

/** What a request for a picture made of another has to be: no plain text. Throws `ProgramError`. */
export const needsImage = (pipeline: string) => (): never => {
  throw new ProgramError(`${pipeline}: a request names an image beside its prompt`)
}

/** A pipeline from requests and seeds to pictures. A plain text is a request whose prompt it is. */
export interface DrawPrompt<R extends object> {
  /** The first picture. */
  (request: string | R, seed: Seed | readonly Seed[], options?: DrawOptions): Promise<Image>
  /** All pictures that are asked for: from one generator, or each from its own. */
  readonly all: (request: string | R, seed: Seed | readonly Seed[], options?: DrawOptions) => Promise<readonly Image[]>
  /** Every state on the way; returns the last latents. */
  readonly states: (
    request: string | R,
    seed: Seed | readonly Seed[],
    options?: RunOptions,
  ) => AsyncGenerator<Progress<unknown>, Tensor>
  /** Latents as pictures in [−1, 1], [N, 3, H, W]. */
  readonly decode: (latents: Tensor) => Tensor
}

/** How a pipeline runs: what it computes beside its states is the run's own, and freed with it. */
export type LatentFold<R> = (
  request: R,
  seed: Seed | readonly Seed[],
  options: RunOptions,
  own: Own,
) => AsyncGenerator<Progress<unknown>, Tensor>

/** A pipeline, from its fold and its decoder. */
export const latentPipeline = <R extends object>(
  { decode }: LatentCodec,
  requestOf: (text: string) => R,
  fold: LatentFold<R>,
): DrawPrompt<R> => {
  const states: DrawPrompt<R>['states'] = (request, seed, options = {}) =>
    owning((own) => fold(typeof request === 'string' ? requestOf(request) : request, seed, options, own))
  const all: DrawPrompt<R>['all'] = (request, seed, { onStep, ...options } = {}) =>
    finish(states(request, seed, options), (latents) => using(decode(latents), toImages), onStep)
  const one = async (...args: Parameters<DrawPrompt<R>>): Promise<Image> => (await all(...args))[0]!
  return Object.assign(one, { all, states, decode })
}
