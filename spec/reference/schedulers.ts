/** Recorded trajectories of schedulers: each case is run with the recording's stand-in network and its own noise. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../src/errors.ts'
import type { Precision } from '../../src/graph/evaluate/values.ts'
import { families, type SchedulerName } from '../../src/schedulers/by-name.ts'
import type { BetaOptions } from '../../src/schedulers/betas.ts'
import { fieldsOf, type FieldsCodec, type SchedulerConfig } from '../../src/schedulers/config.ts'
import type { LmsOptions } from '../../src/schedulers/lms.ts'
import type { Scheduler, Step } from '../../src/schedulers/scheduler.ts'
import { forwardProcess } from '../../src/schedulers/variance-preserving.ts'
import { noiseOf, type Noise } from '../../src/tensor/noise.ts'
import { concat, tensor, Tensor } from '../../src/tensor/tensor.ts'
import { evaluate } from '../../src/graph/evaluate/evaluate.ts'
import type { Values } from '../../src/graph/evaluate/values.ts'
import { input } from '../../src/graph/build.ts'
import type { Input } from '../../src/graph/node.ts'
import { leaves } from '../../src/tensor/tree.ts'
import { compared, largest, type Check } from './result.ts'
import { readRecording, type Recorded } from './safetensors.ts'

type Case = {
  readonly id: string
  readonly class?: string
  readonly config: SchedulerConfig
  readonly num_inference_steps: number
  readonly set_timesteps: Readonly<Record<string, unknown>>
  readonly step: Readonly<Record<string, unknown>>
  readonly begin_index: number
  readonly init_noise_sigma?: number
  readonly schedule?: string | null
  readonly finite: boolean
  readonly extras?: { readonly timestep_indices: readonly number[]; readonly scale_noise_one?: number }
  readonly kinds?: readonly ('step' | 'undo')[]
  readonly jump_length?: number
  readonly jump_n_sample?: number
  /** Of a rejected case: the class of Python's error. */
  readonly error?: string
}
type File = {
  readonly constants: { readonly a: number; readonly b: number; readonly c: number }
  readonly cases: readonly Partial<Case>[]
  readonly rejected?: readonly Partial<Case>[]
}
type Of = (key: string) => Recorded | undefined

/** One family as the checks run it: a constructor over recorded options, and where its recording differs from the usual. */
type Family = {
  readonly make: (c: Case, of: Of) => Scheduler<unknown>
  /** Does its answer have a second half of channels, the learned variance? */
  readonly learned?: (c: Case) => boolean
  /** Betas, and noise at training timesteps, where the class has them. */
  readonly process?: (c: Case) => ReturnType<typeof forwardProcess>
  /** Diffusers' Euler looks ᾱ up by the position on the grid, not by the timestep: its velocities are those of timesteps 0, 1, 2 … */
  readonly velocityAt?: 'position'
  /** The recorded level at each position, where it is not the coefficient `sigma`. */
  readonly level?: (t: Readonly<Record<string, number>>) => number
  /** The recorded label at each position, where it is not what the model is told. */
  readonly label?: (t: Readonly<Record<string, number>>) => number
  /** Recordings that list the end as a timestep. */
  readonly endsWithLabel?: true
  /** An error by which the original breaks down on configs that mean something: ours takes them, with finite coefficients. */
  readonly breakdown?: string
  /** 'f32' where no float64 run was recorded, and rounding in float32 is most of what parts the original from exact arithmetic. */
  readonly precision?: Precision
  /** The position of the recorded row that shows the state after each step, or undefined where none does. */
  readonly shown?: (c: Case) => readonly (number | undefined)[]
  /** The position of the recorded label of each step, where `shown` does not say it. */
  readonly labelled?: (c: Case) => readonly number[]
}

// A family's states and coefficients are its own; the checks only hand them back.
const erased = <S, K extends string>(s: Scheduler<S, K>): Scheduler<unknown> => s as unknown as Scheduler<unknown>

const given = <const K extends string>(from: Readonly<Record<string, unknown>>, keys: { readonly [P in K]: string }): { [P in K]?: number } =>
  Object.fromEntries(
    Object.entries<string>(keys).flatMap(([ours, theirs]) => (from[theirs] === undefined || from[theirs] === null ? [] : [[ours, from[theirs]]])),
  ) as { [P in K]?: number }

const grid = (c: Case) => ({
  begin: c.begin_index,
  ...(Array.isArray(c.set_timesteps['timesteps']) ? { timesteps: c.set_timesteps['timesteps'] as number[] } : {}),
  ...(Array.isArray(c.set_timesteps['sigmas']) ? { sigmas: c.set_timesteps['sigmas'] as number[] } : {}),
})
const churn = (c: Case) => given(c.step, { churn: 's_churn', churnMin: 's_tmin', churnMax: 's_tmax', churnNoise: 's_noise' })
const share = (c: Case) => given(c.set_timesteps, { strength: 'strength', originalInferenceSteps: 'original_inference_steps' })

type Named = (typeof families)[SchedulerName]
const processOf = (family: Named) => (c: Case) => forwardProcess(fieldsOf(family.fields as unknown as FieldsCodec<BetaOptions>, c.config))
/** A family whose options are the grid and no more. */
const plain = (k: SchedulerName): Family['make'] => (c) =>
  erased((families[k].make as unknown as (config: SchedulerConfig, steps: number, options: object) => Scheduler<unknown>)(c.config, c.num_inference_steps, grid(c)))
const learnt = (c: Case): boolean => String(c.config['variance_type']).startsWith('learned')

const ddpm: Family = { make: plain('ddpm'), learned: learnt, process: processOf(families.ddpm) }
const ddim: Family = {
  make: (c) =>
    erased(
      families.ddim.make(c.config, c.num_inference_steps, {
        ...grid(c),
        ...given(c.step, { eta: 'eta' }),
        useClippedModelOutput: c.step['use_clipped_model_output'] === true,
      }),
    ),
  process: processOf(families.ddim),
}

/** A family whose grid depends on `mu` too. */
const flow = (k: 'flow_euler' | 'flow_lcm'): Family => ({
  make: (c) => erased(families[k].make(c.config, c.num_inference_steps, { ...grid(c), ...given(c.set_timesteps, { mu: 'mu' }) })),
})

const known: { readonly [K in SchedulerName]: Family } = {
  ddpm,
  ddim,
  euler: {
    make: (c) => erased(families.euler.make(c.config, c.num_inference_steps, { ...grid(c), ...churn(c) })),
    process: processOf(families.euler),
    velocityAt: 'position',
  },
  ddpm_parallel: ddpm,
  ddim_parallel: ddim,
  euler_a: { make: plain('euler_a'), process: processOf(families.euler_a) },
  heun: { make: plain('heun'), process: processOf(families.heun) },
  lms: {
    make: (c) => erased(families.lms.make(c.config, c.num_inference_steps, { ...grid(c), ...(given(c.step, { order: 'order' }) as LmsOptions) })),
    process: processOf(families.lms),
  },
  kdpm2: { make: plain('kdpm2'), process: processOf(families.kdpm2) },
  kdpm2_a: { make: plain('kdpm2_a'), process: processOf(families.kdpm2_a) },
  pndm: { make: plain('pndm'), process: processOf(families.pndm) },
  ipndm: { make: plain('ipndm') },
  edm_dpm: { make: plain('edm_dpm') },
  // torchsde's Brownian interval recurses without end where float32 has rounded the ends of a grid.
  cosine_dpm: { make: plain('cosine_dpm'), breakdown: 'RecursionError' },
  dpm_sde: {
    make: (c) => erased(families.dpm_sde.make(c.config, c.num_inference_steps, { ...grid(c), ...given(c.step, { noiseScale: 's_noise' }), draws: 'answers' })),
    process: processOf(families.dpm_sde),
  },
  karras_ve: {
    make: plain('karras_ve'),
    // Its slope (x − x₀)/σ cancels in float32; a float32 copy of the original's loop gives the recording to the bit.
    precision: 'f32',
    // Recorded after whole steps of two calls.
    shown: (c) => Array.from({ length: 2 * c.num_inference_steps - 1 }, (_, k) => (k % 2 === 1 || k === 2 * c.num_inference_steps - 2 ? Math.floor(k / 2) : undefined)),
  },
  edm_euler: {
    make: (c) => {
      const { sigmas, ...options } = { ...grid(c), ...churn(c) }
      return erased(families.edm_euler.make(c.config, c.num_inference_steps, { ...options, ...(sigmas === undefined ? {} : { ramp: sigmas }) }))
    },
  },
  flow_euler: flow('flow_euler'),
  flow_heun: { make: (c) => erased(families.flow_heun.make(c.config, c.num_inference_steps, { ...grid(c), ...churn(c) })) },
  flow_lcm: flow('flow_lcm'),
  lcm: { make: (c) => erased(families.lcm.make(c.config, c.num_inference_steps, { ...grid(c), ...share(c) })), process: processOf(families.lcm) },
  tcd: {
    make: (c) => erased(families.tcd.make(c.config, c.num_inference_steps, { ...grid(c), ...share(c), ...given(c.step, { eta: 'eta' }) })),
    process: processOf(families.tcd),
  },
  ddim_inverse: { make: plain('ddim_inverse'), process: processOf(families.ddim_inverse) },
  cm: { make: plain('cm') },
  scm: {
    make: (c) =>
      erased(
        families.scm.make(c.config, c.num_inference_steps, {
          ...grid(c),
          ...given(c.set_timesteps, { maxTimestep: 'max_timesteps', intermediateTimestep: 'intermediate_timesteps' }),
          ...(c.set_timesteps['intermediate_timesteps'] === null ? { intermediateTimestep: null } : {}),
        }),
      ),
    endsWithLabel: true,
  },
  repaint: {
    make: (c, of) => {
      const [image, mask] = (['original_image', 'mask'] as const).map((key) => (of(key) === undefined ? undefined : tensor(of(key)!.values, of(key)!.shape)))
      const known = image === undefined || mask === undefined ? {} : { image, mask }
      return erased(families.repaint.make(c.config, c.num_inference_steps, { ...known, ...given({ ...c }, { jumpLength: 'jump_length', jumpSamples: 'jump_n_sample' }) }))
    },
    // Undoing belongs to the step before it: a step shows at the last row before the next one.
    shown: (c) => (c.kinds ?? []).flatMap((kind, i, all) => (kind === 'undo' ? [] : [all.indexOf('step', i + 1) === -1 ? all.length - 1 : all.indexOf('step', i + 1) - 1])),
    labelled: (c) => (c.kinds ?? []).flatMap((kind, i) => (kind === 'step' ? [i] : [])),
  },
  score_sde_ve: {
    make: (c) => erased(families.score_sde_ve.make(c.config, c.num_inference_steps)),
    level: (t) => t['t']!,
    shown: (c) => {
      const corrections = (c.config['correct_steps'] as number | undefined) ?? 1
      return Array.from({ length: c.num_inference_steps * (corrections + 1) }, (_, k) => (k % (corrections + 1) === corrections ? Math.floor(k / (corrections + 1)) : undefined))
    },
  },
  score_sde_vp: { make: (c) => erased(families.score_sde_vp.make(c.config, c.num_inference_steps)) },
  unclip: { make: (c) => erased(families.unclip.make(c.config, c.num_inference_steps, { begin: c.begin_index, previous: 'trained' })), learned: learnt },
  unipc: {
    make: (c) => erased(families.unipc.make(c.config, c.num_inference_steps, { ...grid(c), ...given(c.set_timesteps, { mu: 'mu' }) })),
    process: processOf(families.unipc),
  },
  sa: {
    make: (c) => erased(families.sa.make(c.config, c.num_inference_steps, { ...grid(c), addNoiseAt: 'label' })),
    process: processOf(families.sa),
  },
  deis: {
    make: (c) => erased(families.deis.make(c.config, c.num_inference_steps, { ...grid(c), ...given(c.set_timesteps, { mu: 'mu' }) })),
    process: processOf(families.deis),
  },
  dpm: { make: plain('dpm'), process: processOf(families.dpm), learned: learnt },
  dpm_inverse: { make: plain('dpm_inverse'), process: processOf(families.dpm_inverse), learned: learnt },
  dpm_single: { make: plain('dpm_single'), process: processOf(families.dpm_single), learned: learnt },
}

const rolled = (x: Tensor): Tensor => {
  const flat = x.reshape(-1)
  return concat([flat.slice(0, -1), flat.slice(0, 0, flat.shape[0]! - 1)]).reshape(...x.shape)
}

const constant = (r: Recorded, shape: readonly number[] = r.shape): { readonly node: Input; readonly values: Values } => ({
  node: input('recorded', shape),
  values: r.values,
})

/** Evaluates a function of recorded tensors; recordings in float64 keep their precision, which Buffers would not. */
const run = (f: (...xs: Tensor[]) => unknown, inputs: readonly { node: Input; values: Values }[], precision: Precision): Values[] => {
  const out = leaves(f(...inputs.map((g) => new Tensor(g.node)))).flatMap(([, leaf]) => (leaf instanceof Tensor ? [leaf.node] : []))
  return evaluate({ inputs: inputs.map((g) => g.node), outputs: out }, inputs.map((g) => g.values), precision)
}

const rows = (r: Recorded): Recorded[] => {
  const [count, ...shape] = r.shape as [number, ...number[]]
  const n = shape.reduce((a, b) => a * b, 1)
  return Array.from({ length: count }, (_, i) => ({ dtype: r.dtype, shape, values: r.values.slice(i * n, (i + 1) * n) }))
}

const span = (values: ArrayLike<number>): number => Array.from(values).reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 1e-12)

/** The trajectory of a case, compared step by step: the state goes through the evaluator after every step, as it would on a device. */
const trajectory = (name: string, c: Case, file: File, family: Family, of: Of, precision: Precision): Check[] => {
  const scheduler = family.make(c, of)
  const { a, b, c: shift } = file.constants
  const prev = of('prev')
  const init = of('init')
  if (prev === undefined || init === undefined) return [{ name, error: NaN, tolerance: 0, pass: true, skipped: 'has no trajectory' }]
  const wanted = rows(prev)
  const shown = family.shown?.(c) ?? wanted.map((_, i) => i)
  const draws = of('noise') === undefined ? [] : rows(of('noise')!)
  const stream: Noise = noiseOf(draws.map((d) => tensor(d.values, d.shape)), init.shape)

  // Each output is compared relative to the whole trajectory's scale.
  const scale = Math.max(span(prev.values), span(init.values))
  const [cleans, inputs] = [of('x0'), of('input')].map((r) => (r === undefined ? undefined : { rows: rows(r), scale: span(r.values) }))
  const walked = (timesteps: readonly Step<string, number>[]): readonly Walked[] => {
    const first = constant(init)
    let env: Map<Input, Values> = new Map([[first.node, first.values]])
    let state = scheduler.start(new Tensor(first.node), stream)
    return timesteps.map((t, k) => {
      const x = scheduler.input(state, t)
      const answer = x.mul(a).add(rolled(x).mul(b)).add(shift * ((k % 5) - 2))
      const full = family.learned?.(c) === true ? concat([answer, answer.square().add(1).rsqrt().square().mul(0.25)], 1) : answer
      const clean = scheduler.denoised(state, full, t)
      const next = scheduler.step(state, full, t)
      const tensors = leaves(next).flatMap(([, leaf]) => (leaf instanceof Tensor ? [leaf] : []))
      const known = [...env.keys()]
      const outputs = [...tensors.map((y) => y.node), x.node, clean.node, scheduler.output(next).node]
      const values = evaluate({ inputs: known, outputs }, known.map((n) => env.get(n)!), precision)
      const fresh = tensors.map((y) => input('state', y.shape))
      env = new Map(fresh.map((n, i) => [n, values[i]!]))
      let at = 0
      state = replaceTensors(next, () => new Tensor(fresh[at++]!))
      const [seen, preview, got] = values.slice(-3) as [Values, Values, Values]
      return { seen, preview, got }
    })
  }
  const steps = walked(scheduler.timesteps)
  if (scheduler.timesteps.length !== shown.length)
    return [{ ...compared(name, Infinity, 0), why: `${scheduler.timesteps.length} steps, recorded ${shown.length}` }]
  if (!c.finite) {
    const finite = steps.every(({ got }) => got.every(Number.isFinite))
    return [{ name: `${name} (not finite in diffusers)`, error: finite ? 0 : Infinity, tolerance: 0, pass: finite }]
  }
  const most = (f: (step: Walked, row: number) => number): number =>
    steps.reduce((worst, step, k) => (shown[k] === undefined ? worst : Math.max(worst, f(step, shown[k]))), 0)
  const error = {
    prev: most(({ got }, row) => largest(got, wanted[row]?.values ?? [])) / scale,
    clean: cleans === undefined ? 0 : most(({ preview }, row) => largest(preview, cleans.rows[row]?.values ?? [])) / Math.max(scale, cleans.scale),
    input: inputs === undefined ? 0 : most(({ seen }, row) => largest(seen, inputs.rows[row]?.values ?? [])) / inputs.scale,
  }
  // The recording's float64 run has float64 samples, but coefficients that went through float32: ours with such errors show their worth.
  const drift = of('delta64') === undefined ? 0 : 4 * span(of('delta64')!.values)
  const loose = (to: number): number => Math.max(1e-5, drift / to)
  const rounded = error.prev <= loose(scale) && error.clean <= loose(scale) ? undefined : walked(throughFloat32(scheduler))
  const noise = rounded === undefined ? 0 : rounded.reduce((worst, { got }, k) => Math.max(worst, largest(got, steps[k]!.got)), 0) / scale
  const said = noise === 0 ? '' : ` (float32 coefficients move it by ${noise.toPrecision(2)})`
  const tolerance = Math.max(loose(scale), Math.min(4 * noise, 1e-4))
  return [
    compared(name + said, error.prev, tolerance),
    ...(cleans === undefined ? [] : [compared(`${name} x0${said}`, error.clean, tolerance)]),
    ...(inputs === undefined ? [] : [compared(`${name} input`, error.input, loose(inputs.scale))]),
  ]
}

/** What a step shows: the model's input, the clean sample it implies, and the sample after it. */
type Walked = { readonly seen: Values; readonly preview: Values; readonly got: Values }

/**
 * Coefficients as a solver computes them whose λ = ln(a/s) are float32: a difference of two of them is off by 2⁻²⁴ (|λ| + |λ'|), and so, by
 * that over its size, is what is made of it. Signs alternate.
 */
const throughFloat32 = (scheduler: Scheduler<unknown, string>): readonly Step<string, number>[] => {
  const [clean, noise] = [input('clean', []), input('noise', [])]
  const outputs = scheduler.timesteps.map((t) => scheduler.addNoise(new Tensor(clean), new Tensor(noise), t).node)
  const at = (...values: readonly [number, number]): readonly number[] =>
    evaluate({ inputs: [clean, noise], outputs }, values.map((v) => Float64Array.of(v)), 'f64').map((v) => v[0]!)
  const [signals, noises] = [at(1, 0), at(0, 1)]
  const lambdas = signals.map((a, i) => Math.log(a / noises[i]!))
  return scheduler.timesteps.map((t, i) => {
    const [from, to] = [lambdas[i]!, lambdas[i + 1] ?? NaN]
    const magnified = (Math.abs(from) + Math.abs(to)) / Math.abs(to - from)
    const relative = 2 ** -24 * (1 + (Number.isFinite(magnified) ? magnified : 0))
    return Object.fromEntries(Object.entries(t).map(([k, v], n) => [k, v * (1 + ((i + n) % 2 === 0 ? relative : -relative))])) as Step<string, number>
  })
}

const replaceTensors = (tree: unknown, f: () => Tensor): unknown => {
  const go = (x: unknown): unknown =>
    x instanceof Tensor ? f() : x !== null && typeof x === 'object' && Object.getPrototypeOf(x) === Object.prototype
      ? Object.fromEntries(Object.entries(x).map(([k, y]) => [k, go(y)]))
      : Array.isArray(x) ? x.map(go) : x
  return go(tree)
}

/** Noised samples, each of the batch at its own position; velocities and training noise by timestep. */
const extras = (name: string, c: Case, family: Family, of: Of, scheduler: Scheduler<unknown>, batch: { sample: Recorded; noise: Recorded }, precision: Precision): Check[] => {
  const process = family.process?.(c)
  const [x, n] = [constant(batch.sample), constant(batch.noise)]
  const check = (key: string, f: (x: Tensor, n: Tensor) => Tensor): Check[] => {
    const want = of(key)
    if (want === undefined) return []
    const [got] = run((p, q) => f(p!, q!), [x, n], precision)
    return [compared(`${name} ${key}`, largest(got!, want.values) / span(want.values), 1e-5)]
  }
  const { timestep_indices: at = [], scale_noise_one: one = 0 } = c.extras ?? {}
  const noised = (positions: readonly number[]) => (p: Tensor, q: Tensor): Tensor =>
    concat(positions.map((i, b) => scheduler.addNoise(p.slice(0, b, b + 1), q.slice(0, b, b + 1), scheduler.timesteps[i]!)), 0)
  const train = of('train_timesteps') === undefined ? undefined : [...of('train_timesteps')!.values]
  return [
    ...check('add_noise', noised(at)),
    ...check('scale_noise', noised(at)),
    ...check('scale_noise_one', noised([one, one, one])),
    ...(process === undefined ? [] : check('get_velocity', (p, q) => process.velocity(p, q, family.velocityAt === 'position' ? at : at.map((i) => scheduler.timesteps[i]!.t)))),
    ...(process === undefined || train === undefined ? [] : check('add_noise_train', (p, q) => process.addNoise(p, q, train))),
  ]
}

/** Whole labels must be met exactly; fractional ones went through ln σ, whose 1 − ᾱ has lost digits in float32 at the grid's end. */
const labelsCheck = (name: string, ours: readonly number[], recorded: Recorded, bars: readonly number[] | undefined): Check => {
  if (recorded.values.every(Number.isInteger)) return compared(`${name} timesteps`, largest(ours, recorded.values), 0)
  const lnSigma = (i: number): number => Math.log((1 - bars![i]!) / bars![i]!) / 2
  const slack = (at: number): number => {
    if (bars === undefined || !(at >= 0 && at < bars.length)) return 0
    const place = (t: number): number => Math.min(Math.max(Math.floor(t), 0), bars.length - 2)
    const low = place(at)
    return 2 ** -25 / (1 - bars[place(Math.min(...ours))]!) / (lnSigma(low + 1) - lnSigma(low))
  }
  const close = ours.map((t, i) => {
    const d = t - (recorded.values[i] ?? NaN)
    return Math.abs(d) <= slack(t) ? recorded.values[i]! : t
  })
  return compared(`${name} timesteps`, largest(close, recorded.values), 1e-6 * span(recorded.values))
}

const checkCase = (file: File, c: Case, family: Family, data: ReadonlyMap<string, Recorded>, schedules: ReadonlyMap<string, Recorded>, precision: Precision): Check[] => {
  const of: Of = (key) => data.get(`${c.id}.${key}`)
  const name = `schedulers/${String(c.config['_class_name'])} ${c.id}`
  try {
    const whole = family.make({ ...c, begin_index: 0 }, of)
    const out: Check[] = []
    const numbers = whole.timesteps as unknown as readonly Readonly<Record<string, number>>[]
    const [timesteps, sigmas] = [of('timesteps'), of('sigmas')]
    const upTo = (r: Recorded, n: number): Recorded => ({ ...r, values: r.values.slice(0, n) })
    const [shown, labelled] = [family.shown?.(c), family.labelled?.(c)]
    if (timesteps !== undefined && (shown === undefined || labelled !== undefined)) {
      const ends = family.endsWithLabel === true ? numbers.length : timesteps.values.length
      const recorded = labelled === undefined ? upTo(timesteps, ends) : { ...timesteps, values: timesteps.values.filter((_, i) => labelled.includes(i)) }
      out.push(labelsCheck(name, numbers.map(family.label ?? ((t) => t['t']!)), recorded, family.process?.(c).alphasCumprod))
    }
    if (sigmas !== undefined && (family.level !== undefined || 'sigma' in numbers[0]!)) {
      const level = numbers.filter((_, k) => shown === undefined || shown[k] !== undefined).map(family.level ?? ((t) => t['sigma']!))
      out.push(compared(`${name} sigmas`, largest(level, upTo(sigmas, level.length).values) / span(sigmas.values), 1e-5))
    }
    if (c.init_noise_sigma !== undefined)
      out.push(compared(`${name} init_noise_sigma`, Math.abs(whole.initNoiseSigma - c.init_noise_sigma) / c.init_noise_sigma, 1e-6))
    const process = typeof c.schedule === 'string' ? family.process?.(c) : undefined
    for (const key of process === undefined ? [] : (['betas', 'alphas_cumprod'] as const)) {
      const want = schedules.get(`${c.schedule}.${key}`)
      const ours = key === 'betas' ? process!.betas : process!.alphasCumprod
      if (want !== undefined) out.push(compared(`${name} ${key}`, largest(ours, want.values) / span(want.values), 1e-5))
    }
    out.push(...trajectory(name, c, file, family, of, family.precision ?? precision))
    const [sample, noise] = [of('extra_sample') ?? data.get('extra_sample'), of('extra_noise') ?? data.get('extra_noise')]
    if (c.extras !== undefined && sample !== undefined && noise !== undefined)
      out.push(...extras(name, c, family, of, whole, { sample, noise }, precision))
    return out
  } catch (error) {
    // What diffusers takes and ends in NaN may be refused when the scheduler is made, by name.
    if (error instanceof ConfigError && !c.finite) return [{ name: `${name} (refused: ${error.message})`, error: 0, tolerance: 0, pass: true }]
    return [{ name, error: Infinity, tolerance: 0, pass: false, why: error instanceof Error ? error.message : String(error) }]
  }
}

/** What diffusers refuses, ours refuses too, with an error that names the field. */
const checkRejected = (name: string, c: Case, family: Family): Check => {
  try {
    const { timesteps } = family.make(c, () => undefined)
    const broke = family.breakdown !== undefined && c.error === family.breakdown
    const pass = broke && timesteps.every((t) => Object.values(t).every(Number.isFinite))
    return pass
      ? { name: `${name} (${c.error} in diffusers, no fault of the config)`, error: 0, tolerance: 0, pass }
      : { name, error: Infinity, tolerance: 0, pass: false, why: 'was accepted' }
  } catch (error) {
    const pass = error instanceof ConfigError
    return { name, error: pass ? 0 : Infinity, tolerance: 0, pass, ...(pass ? {} : { why: String(error) }) }
  }
}

const complete = (c: Partial<Case>): Case => {
  const list = c.set_timesteps?.['timesteps'] ?? c.set_timesteps?.['sigmas']
  return {
    id: '', config: {}, set_timesteps: {}, step: {}, begin_index: 0, finite: true,
    num_inference_steps: Array.isArray(list) ? list.length : 0,
    ...c,
  }
}

const familyNamed = (className: string): SchedulerName | undefined =>
  (Object.keys(families) as SchedulerName[]).find((k) => families[k].className === className)

/** Every recorded scheduler of a directory laid out like reference/open/schedulers; classes we have no row for are skipped by name. */
export const checkSchedulers = async (dir: string, precision: Precision = 'f64'): Promise<readonly Check[]> => {
  const present = await readdir(dir)
  const schedules = await readRecording(join(dir, 'schedules.safetensors')).catch(() => new Map<string, Recorded>())
  const checks: Check[] = []
  for (const f of present.filter((f) => /Scheduler\.json$/.test(f)).sort()) {
    const className = f.replace('.json', '')
    const family = familyNamed(className)
    if (family === undefined) {
      checks.push({ name: `schedulers/${className}`, error: NaN, tolerance: 0, pass: true, skipped: 'this scheduler is not there yet' })
      continue
    }
    const file = JSON.parse(await readFile(join(dir, f), 'utf8')) as File
    const data = await readRecording(join(dir, `${className}.safetensors`))
    for (const c of file.cases) checks.push(...checkCase(file, complete(c), known[family], data, schedules, precision))
    for (const [i, c] of (file.rejected ?? []).entries())
      checks.push(checkRejected(`schedulers/${className} rejected ${i}`, complete(c), known[family]))
  }
  if (present.includes('custom_lists.json')) {
    const file = JSON.parse(await readFile(join(dir, 'custom_lists.json'), 'utf8')) as File
    const data = await readRecording(join(dir, 'custom_lists.safetensors'))
    for (const c of file.cases) {
      const family = familyNamed(String(c.class))
      if (family === undefined) checks.push({ name: `schedulers/custom_lists ${c.class}`, error: NaN, tolerance: 0, pass: true, skipped: 'this scheduler is not there yet' })
      else checks.push(...checkCase(file, complete(c), known[family], data, schedules, precision).map((k) => ({ ...k, name: `${k.name} of a list` })))
    }
  }
  return checks
}
