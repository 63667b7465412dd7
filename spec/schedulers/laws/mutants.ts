/** Schedulers with one fault each, and the law that finds it. */
import type { Subject, Traits } from '../../../src/laws/law.ts'
import type { SchedulerConfig } from '../../../src/schedulers/config.ts'
import type { SchedulerName } from '../../../src/schedulers/by-name.ts'
import { Tensor } from '../../../src/tensor/tensor.ts'
import { made } from './subjects.ts'

type Coefficients = Readonly<Record<string, number>>
type State = { readonly x: Tensor; readonly [key: string]: unknown }
/** A fault: what a scheduler becomes. */
type Fault = (s: Subject) => Subject

/** A scheduler, its fault, and the law that must find it. */
export type Mutant = {
  readonly name: string
  readonly killedBy: number
  readonly make: (steps: number) => Subject
  readonly traits: Traits
  readonly fault: Fault
}

/** Coefficients replaced, each by a function of its step's, its position and all of them. */
const coefficients =
  (f: (c: Coefficients, i: number, all: readonly Coefficients[]) => Coefficients): Fault =>
  (s) => {
    const all: readonly Coefficients[] = s.timesteps
    return { ...s, timesteps: all.map((c, i) => ({ ...c, ...f(c, i, all) }) as Coefficients & { t: number }) }
  }
const scaled = (key: string, by: number): Fault => coefficients((c) => ({ [key]: c[key]! * by }))
const squared = (key: string): Fault => coefficients((c) => ({ [key]: c[key]! ** 2 }))
const shifted = (key: string): Fault => coefficients((_, i, all) => ({ [key]: all[Math.max(i - 1, 0)]![key]! }))
const swapped = (a: string, b: string): Fault => coefficients((c) => ({ [a]: c[b]!, [b]: c[a]! }))
const onlyLast = (f: (c: Coefficients) => Coefficients): Fault =>
  coefficients((c, i, all) => (i === all.length - 1 ? f(c) : c))

/** The state after a step, replaced by a function of it and of the one before. */
const after =
  (f: (next: State, before: State) => object): Fault =>
  (s) => ({
    ...s,
    step: (state, answer, t) => {
      const next = s.step(state, answer, t) as State
      return { ...next, ...f(next, state as State) }
    },
  })

const rolled = (x: Tensor): Tensor => x.flip(x.shape.length - 1)

/** Coefficients found again by the label of the step, as where labels repeat they cannot be. */
const lookedUp: Fault = (s) => {
  const byLabel = new Map(s.timesteps.map((c) => [c.t, c]))
  return { ...s, step: (state, answer, t) => s.step(state, answer, byLabel.get(t.t as number) ?? s.timesteps[0]!) }
}

/** A history that is kept beside the state. */
const hidden: Fault = (s) => {
  let calls = 0
  return { ...s, step: (state, answer, t) => s.step(state, answer.mul(1 + 1e-3 * calls++), t) }
}

const late: Fault = (s) => ({
  ...s,
  addNoise: (x, e, t) => {
    const i = s.timesteps.findIndex((c) => c.t === t.t)
    return s.addNoise(x, e, s.timesteps[Math.min(i + 1, s.timesteps.length - 1)]!)
  },
})

const of = (
  name: string,
  killedBy: number,
  [family, config = {}, options = {}]: readonly [SchedulerName, SchedulerConfig?, object?],
  traits: Omit<Traits, 'prediction'>,
  fault: Fault,
): Mutant => {
  const refined = made(family, { ...config, use_exponential_sigmas: true, lower_order_final: false }, options)
  const make = made(family, config, options)
  return { name: `${family}: ${name}`, killedBy, make, traits: { prediction: 'epsilon', ...traits, refined }, fault }
}

const ddim = ['ddim', { clip_sample: false }] as const
const noisy = ['ddim', { clip_sample: false }, { eta: 1 }] as const
const heun = { order: 2, calls: 2, tensors: 3 } as const
const sde = { kind: 'sde' } as const

/** All of them. */
export const mutants: readonly Mutant[] = [
  of('x₀ with the wrong sign', 7, ddim, {}, scaled('toClean', -1)),
  of('the direction of the step before', 6, ddim, {}, shifted('direction')),
  of(
    'ᾱ′ for √ᾱ′',
    7,
    ddim,
    {},
    coefficients((c) => ({ toClean: c['toClean']! ** 2 * (1 - 1e-6) })),
  ),
  of('ᾱ for √ᾱ', 1, ddim, {}, squared('alpha')),
  of('the signal scaled in addNoise', 1, ['euler'], {}, (s) => ({
    ...s,
    addNoise: (x, e, t) => s.addNoise(x.mul(0.9), e, t),
  })),
  of('noise added for the next step', 8, ddim, {}, late),
  of('steps in the opposite order', 2, ddim, {}, (s) => ({ ...s, timesteps: s.timesteps.toReversed() })),
  of(
    'labels that rise',
    2,
    ['euler'],
    {},
    coefficients((c) => ({ t: -c['t']! })),
  ),
  of('the direction a thousandth short', 9, ddim, {}, scaled('direction', 0.999)),
  of('σ′ for σ in the slope', 6, ['euler'], {}, shifted('advance')),
  of(
    'a step that is a little long',
    14,
    ['euler'],
    { order: 1 },
    coefficients((c, i, all) => ({ advance: i < all.length - 1 ? c['advance']! * 1.01 : -1 })),
  ),
  of('σ² + 1 without its root', 24, ['euler'], {}, squared('scale')),
  of('the starting deviation squared', 24, ['euler'], {}, (s) => ({ ...s, initNoiseSigma: s.initNoiseSigma ** 2 })),
  of('ε of the wrong sign', 8, ['euler'], {}, scaled('told', -1)),
  of(
    'the correction dropped',
    14,
    ['heun'],
    heun,
    coefficients((_, i) => (i % 2 === 1 ? { here: 1, there: 0, before: 0, advance: 0 } : {})),
  ),
  of(
    'the old slope kept',
    6,
    ['heun'],
    heun,
    after((_, before) => ({ slope: before['slope'] })),
  ),
  of(
    'the slopes of a pair exchanged',
    14,
    ['heun'],
    heun,
    coefficients((c, i) => (i % 2 === 1 ? { before: 1.5 * c['before']!, advance: 0.5 * c['advance']! } : {})),
  ),
  of(
    'the slope before dropped',
    14,
    ['dpm'],
    { order: 2 },
    coefficients((c) => ({ now: c['now']! + c['ago1']!, ago1: 0 })),
  ),
  of('the slope before with the wrong sign', 6, ['dpm'], { order: 2 }, scaled('ago1', -1)),
  of(
    'history not shifted',
    6,
    ['dpm'],
    { order: 2 },
    after((_, before) => ({ past: before['past'] })),
  ),
  of(
    'answers weighed in the wrong order',
    6,
    ['deis', { solver_order: 2 }],
    { order: 2, end: 'noisy' },
    swapped('now', 'ago1'),
  ),
  of(
    'the corrector left out',
    14,
    ['unipc', { solver_order: 2 }],
    { order: 3, tensors: 3 },
    coefficients(() => ({ predicted: 1, corrected: 0, met: 0 })),
  ),
  of('Adams’ weights of the step before', 6, ['lms'], { order: 2, tensors: 4 }, shifted('now')),
  of('variance for deviation', 13, noisy, sde, squared('deviation')),
  of(
    'one draw for all steps',
    13,
    noisy,
    sde,
    after((_, before) => ({ noise: before['noise'] })),
  ),
  of('√2 too much noise', 13, ['euler_a'], sde, scaled('up', Math.SQRT2)),
  of(
    'noise after the last step',
    7,
    ['euler_a'],
    sde,
    onlyLast((c) => ({ ...c, up: 0.1 })),
  ),
  of('the posterior mean without its sample', 13, ['ddpm', { clip_sample: false }], sde, scaled('toSample', 0)),
  of('a history beside the state', 18, ddim, {}, hidden),
  of(
    'a tensor too much in the state',
    18,
    ddim,
    {},
    after((next) => ({ old: next.x })),
  ),
  of('a slope kept that is not needed', 18, ['dpm'], { order: 2 }, (s) => ({
    ...s,
    start: (x, n) => ({ ...(s.start(x, n) as State), more: x }),
    init: (n) => ({ ...(s.init(n) as State), more: n.head }),
  })),
  of(
    'a sample that bends',
    16,
    ddim,
    {},
    after(({ x }) => ({ x: x.add(x.square().mul(1e-6)) })),
  ),
  of(
    'a mean over the batch',
    17,
    ddim,
    {},
    after(({ x }) => ({ x: x.sub(x.mean(0).mul(1e-3)) })),
  ),
  of(
    'neighbours exchanged',
    17,
    ddim,
    {},
    after(({ x }) => ({ x: rolled(x) })),
  ),
  of('x₀ not kept in its range', 26, ['ddim'], { range: 1 }, (s) => ({
    ...s,
    denoised: (state, answer, t) => s.denoised(state, answer, t).mul(2),
  })),
  of('x₀ kept in half its range', 26, ['ddim'], { range: 1 }, (s) => ({
    ...s,
    denoised: (state, answer, t) => s.denoised(state, answer, t).min(0.5).max(-0.5),
  })),
  of('a step looked up by its label', 27, ddim, {}, lookedUp),
  of(
    '0/0 in the last step',
    28,
    ddim,
    {},
    onlyLast((c) => ({ ...c, direction: 0 / 0 })),
  ),
  of(
    'an infinite logarithm',
    28,
    ['euler'],
    {},
    onlyLast((c) => ({ ...c, t: -Infinity })),
  ),
]

const v = made('euler', { prediction_type: 'v_prediction' })
const wrong = scaled('told', -1)
/** The one of several parametrizations that is wrong. */
export const misparametrized: Mutant = {
  name: 'euler: v of the wrong sign',
  killedBy: 5,
  make: v,
  traits: {
    prediction: 'v_prediction',
    parametrized: {
      epsilon: made('euler', {}),
      sample: made('euler', { prediction_type: 'sample' }),
      v_prediction: (n) => wrong(v(n)),
    },
  },
  fault: (s) => s,
}
