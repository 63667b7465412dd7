/** The sampler is a fold. */
import { compile, dispose, read, type CompileOptions } from '../backend/compile.ts'
import { fromStorage, Tensor, type Scalar } from '../tensor/tensor.ts'
import type { Noise } from '../tensor/noise.ts'
import type { Scheduler, Step } from '../schedulers/scheduler.ts'
import { leaves, mapTree } from '../tensor/tree.ts'

/**
 * Predicts from a noisy sample and its time what its scheduler asks for (ε, x₀, v, a flow); closed over its parameters. What it is told
 * besides, such as a prompt, is `given`: a tree of tensors and numbers that may change from call to call without a new trace.
 */
export type Denoiser<G = undefined> = (x: Tensor, t: Scalar, given: G) => Tensor

/** The last arguments of a fold: none for a denoiser that is given nothing. */
export type Given<G> = undefined extends G ? [given?: G] : [given: G]

const only = <G>(given: Given<G>): G => given[0] as G

/** What of a scheduler a fold needs once it has a state to start from. */
export type Fold<S, K extends string> = Pick<Scheduler<S, K>, 'timesteps' | 'input' | 'step' | 'output'>

/** A reducer that has its denoiser inside. */
export type Reducer<S, K extends string, G> = (state: S, t: Step<K, Scalar>, given: G) => S

/** One step of a pipeline as one program, told `given`. */
export const reducerOf = <S, K extends string, G>(
  scheduler: Fold<S, K>,
  denoise: Denoiser<G>,
  options: CompileOptions,
): Reducer<S, K, G> =>
  compile((state, t, given) => scheduler.step(state, denoise(scheduler.input(state, t), t.t, given), t), options)

/** One step of a pipeline as one program: `(state, t) => scheduler.step(state, denoise(scheduler.input(state, t), t.t), t)`, compiled. */
export const stepOf = <S, K extends string, G = undefined>(
  scheduler: Scheduler<S, K>,
  denoise: Denoiser<G>,
  options: CompileOptions = {},
): ((state: S, t: Step<K, Scalar>, ...given: Given<G>) => S) => {
  const step = reducerOf(scheduler, denoise, options)
  return (state, t, ...given) => step(state, t, only(given))
}

/**
 * `scheduler.timesteps.reduce(step, init(noise))`, and nothing more. The result is a tensor whose value arrives when it is read. States
 * on the way are freed as soon as the next one has been computed.
 */
export const sample = <S, K extends string, G = undefined>(
  scheduler: Scheduler<S, K>,
  denoise: Denoiser<G>,
  options: CompileOptions = {},
): ((noise: Noise, ...given: Given<G>) => Tensor) => {
  const step = reducerOf(scheduler, denoise, options)
  return (noise, ...given) => {
    const last = scheduler.timesteps.reduce((state, t, i) => {
      const next = step(state, t, only(given))
      if (i > 0) replace(state, next) // what the first state holds is the caller's
      return next
    }, scheduler.init(noise))
    const output = scheduler.output(last)
    // An output that is an expression still needs the state it is made of.
    if (output.node._tag === 'Buffer' && scheduler.timesteps.length > 0) replace(last, output)
    return output
  }
}

/** Frees what of an old state the new one has not kept. */
const replace = (old: unknown, next: unknown): void => {
  const kept = new Set(leaves(next).map(([, leaf]) => (leaf instanceof Tensor ? leaf.node : leaf)))
  dispose(leaves(old).flatMap(([, leaf]) => (leaf instanceof Tensor && !kept.has(leaf.node) ? [leaf] : [])))
}

/** A state of a running pipeline: `step` of `steps` are done, `t` is the time the last of them was at. */
export type Progress<S> = {
  readonly step: number
  readonly steps: number
  readonly t: number
  readonly state: S
  /** The sample as it stands; freed when the next state is asked for, unless it has been read. */
  readonly sample: Tensor
}

/** How a pipeline is run. An abort is noticed between two steps, and rejects with the signal's reason. */
export type RunOptions = CompileOptions & { readonly signal?: AbortSignal | undefined }

/**
 * The same fold, one state at a time. Each state has been computed when it is given. Stop by leaving the loop, or by the signal; continue
 * later from any state with `resume`.
 */
export const states = <S, K extends string, G = undefined>(
  scheduler: Scheduler<S, K>,
  denoise: Denoiser<G>,
  options: RunOptions = {},
): ((noise: Noise, ...given: Given<G>) => AsyncGenerator<Progress<S>, Tensor>) => {
  const step = reducerOf(scheduler, denoise, options)
  return (noise, ...[given]) => follow(scheduler, step, scheduler.init(noise), { given: () => given as G, ...options })
}

/** The fold from a state on which `from` steps are done already, as `states` gave it. */
export const resume = <S, K extends string, G = undefined>(
  scheduler: Scheduler<S, K>,
  denoise: Denoiser<G>,
  options: RunOptions = {},
): ((state: S, from: number, ...given: Given<G>) => AsyncGenerator<Progress<S>, Tensor>) => {
  const step = reducerOf(scheduler, denoise, options)
  return (state, from, ...[given]) => follow(scheduler, step, state, { from, given: () => given as G, ...options })
}

/** How a fold is followed: the steps that are done already, and what the denoiser is given at each. */
export type FollowOptions<G> = RunOptions & { readonly from?: number; readonly given: (position: number) => G }

/** The fold of a reducer over a scheduler's timesteps, one computed state at a time. */
export async function* follow<S, K extends string, G>(
  scheduler: Fold<S, K>,
  step: Reducer<S, K, G>,
  start: S,
  { signal, from = 0, given }: FollowOptions<G>,
): AsyncGenerator<Progress<S>, Tensor> {
  const steps = scheduler.timesteps.length
  let state = start
  for (const [i, t] of scheduler.timesteps.entries()) {
    if (i < from) continue
    signal?.throwIfAborted()
    const next = step(state, t, given(i))
    await settled(next)
    if (i > from) replace(state, next)
    state = next
    yield { step: i + 1, steps, t: t.t, state, sample: scheduler.output(state) }
  }
  signal?.throwIfAborted()
  return scheduler.output(state)
}

/** Waits until every tensor of a state has been computed, without bringing it to the host. */
const settled = async (state: unknown): Promise<void> => {
  for (const [, leaf] of leaves(state)) if (leaf instanceof Tensor) await computed(leaf)
}

const computed = async (x: Tensor): Promise<void> => {
  const { node } = x
  if (node._tag === 'Buffer' && node.source._tag === 'Device') await node.source.resident.settled()
}

/** A state with its tensors brought to the host: a plain value that can be kept, saved and resumed from. Streams of noise stay. */
export const onHost = async <S>(state: S): Promise<S> => {
  const values = new Map<Tensor, Tensor>()
  for (const [, leaf] of leaves(state))
    if (leaf instanceof Tensor) values.set(leaf, fromStorage(await read(leaf), leaf.shape, 'f32'))
  return mapTree((leaf) => (leaf instanceof Tensor ? values.get(leaf)! : leaf), state)
}
