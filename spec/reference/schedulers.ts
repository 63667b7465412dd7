/** Recorded trajectories of schedulers: each case is run with the recording's stand-in network and its own noise. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../src/errors.ts'
import type { Precision } from '../../src/graph/evaluate/values.ts'
import { families, type SchedulerName } from '../../src/schedulers/by-name.ts'
import type { SchedulerConfig } from '../../src/schedulers/config.ts'
import type { Scheduler } from '../../src/schedulers/scheduler.ts'
import { forwardProcess } from '../../src/schedulers/variance-preserving.ts'
import { fieldsOf } from '../../src/schedulers/config.ts'
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
  readonly config: SchedulerConfig
  readonly num_inference_steps: number
  readonly set_timesteps: Readonly<Record<string, unknown>>
  readonly step: Readonly<Record<string, unknown>>
  readonly begin_index: number
  readonly init_noise_sigma: number
  readonly schedule?: string
  readonly finite: boolean
  readonly extras?: { readonly timestep_indices: readonly number[] }
}
type File = { readonly constants: { a: number; b: number; c: number }; readonly cases: readonly Case[] }

/** One family as the checks run it: a constructor over recorded options. */
type Family = {
  readonly make: (c: Case) => Scheduler<unknown>
  /** Does its answer have a second half of channels, the learned variance? */
  readonly learned: (c: Case) => boolean
  readonly alphas: (c: Case) => ReturnType<typeof forwardProcess>
}

// A family's states and coefficients are its own; the checks only hand them back.
const erased = <S, K extends string>(s: Scheduler<S, K>): Scheduler<unknown> => s as unknown as Scheduler<unknown>

const grid = (c: Case) => ({
  begin: c.begin_index,
  ...(Array.isArray(c.set_timesteps['timesteps']) ? { timesteps: c.set_timesteps['timesteps'] as number[] } : {}),
})

const known: { readonly [K in SchedulerName]: Family } = {
  ddpm: {
    make: (c) => erased(families.ddpm.make(c.config, c.num_inference_steps, grid(c))),
    learned: (c) => String(c.config['variance_type']).startsWith('learned'),
    alphas: (c) => forwardProcess(fieldsOf(families.ddpm.fields, c.config)),
  },
  ddim: {
    make: (c) =>
      erased(
        families.ddim.make(c.config, c.num_inference_steps, {
          ...grid(c),
          eta: Number(c.step['eta'] ?? 0),
          useClippedModelOutput: c.step['use_clipped_model_output'] === true,
        }),
      ),
    learned: () => false,
    alphas: (c) => forwardProcess(fieldsOf(families.ddim.fields, c.config)),
  },
  euler: {
    make: (c) =>
      erased(
        families.euler.make(c.config, c.num_inference_steps, {
          ...grid(c),
          churn: Number(c.step['s_churn'] ?? 0),
          churnMin: Number(c.step['s_tmin'] ?? 0),
          churnMax: Number(c.step['s_tmax'] ?? Infinity),
          churnNoise: Number(c.step['s_noise'] ?? 1),
        }),
      ),
    learned: () => false,
    alphas: (c) => forwardProcess(fieldsOf(families.euler.fields, c.config)),
  },
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
const run = (f: (...xs: Tensor[]) => unknown, given: readonly { node: Input; values: Values }[], precision: Precision): Values[] => {
  const out = leaves(f(...given.map((g) => new Tensor(g.node)))).flatMap(([, leaf]) => (leaf instanceof Tensor ? [leaf.node] : []))
  return evaluate({ inputs: given.map((g) => g.node), outputs: out }, given.map((g) => g.values), precision)
}

const rows = (r: Recorded): Recorded[] => {
  const [count, ...shape] = r.shape as [number, ...number[]]
  const n = shape.reduce((a, b) => a * b, 1)
  return Array.from({ length: count }, (_, i) => ({ dtype: r.dtype, shape, values: r.values.slice(i * n, (i + 1) * n) }))
}

const span = (values: ArrayLike<number>): number => Array.from(values).reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 1e-12)

/** The trajectory of a case, compared step by step: the state goes through the evaluator after every step, as it would on a device. */
const trajectory = (name: string, c: Case, file: File, family: Family, of: (key: string) => Recorded | undefined, precision: Precision): Check[] => {
  const scheduler = family.make(c)
  const { a, b, c: shift } = file.constants
  const prev = of('prev')
  const init = of('init')
  if (prev === undefined || init === undefined) return [{ name, error: NaN, tolerance: 0, pass: true, skipped: 'has no trajectory' }]
  const wanted = rows(prev)
  const draws = of('noise') === undefined ? [] : rows(of('noise')!)
  const stream: Noise = noiseOf(draws.map((d) => tensor(d.values, d.shape)), init.shape)

  // Each output is compared relative to the whole trajectory's scale.
  const scale = Math.max(span(prev.values), span(init.values))
  const drift = of('delta64')
  const tolerance = Math.max(1e-5, drift === undefined ? 0 : (4 * span(drift.values)) / scale)
  let worst = 0
  let worstClean = 0
  let finite = true
  const cleans = of('x0') === undefined ? undefined : rows(of('x0')!)
  const first = constant(init)
  let env: Map<Input, Values> = new Map([[first.node, first.values]])
  let state = scheduler.start(new Tensor(first.node), stream)
  scheduler.timesteps.forEach((t, k) => {
    const x = scheduler.input(state, t)
    const answer = x.mul(a).add(rolled(x).mul(b)).add(shift * ((k % 5) - 2))
    const full = family.learned(c) ? concat([answer, answer.square().add(1).rsqrt().square().mul(0.25)], 1) : answer
    const clean = scheduler.denoised(state, full, t)
    const next = scheduler.step(state, full, t)
    const tensors = leaves(next).flatMap(([, leaf]) => (leaf instanceof Tensor ? [leaf] : []))
    const inputs = [...env.keys()]
    const outputs = [...tensors.map((y) => y.node), clean.node, scheduler.output(next).node]
    const values = evaluate({ inputs, outputs }, inputs.map((n) => env.get(n)!), precision)
    const fresh = tensors.map((y) => input('state', y.shape))
    env = new Map(fresh.map((n, i) => [n, values[i]!]))
    let at = 0
    state = replaceTensors(next, () => new Tensor(fresh[at++]!))
    const got = values.at(-1)!
    finite &&= got.every(Number.isFinite)
    worst = Math.max(worst, largest(got, wanted[k]?.values ?? []) / scale)
    if (cleans?.[k] !== undefined) worstClean = Math.max(worstClean, largest(values.at(-2)!, cleans[k].values) / Math.max(scale, span(of('x0')!.values)))
  })
  const lengths = scheduler.timesteps.length === wanted.length ? [] : [{ ...compared(name, Infinity, 0), why: `${scheduler.timesteps.length} steps, recorded ${wanted.length}` }]
  if (!c.finite) return [{ name: `${name} (not finite in diffusers)`, error: finite ? 0 : Infinity, tolerance: 0, pass: finite }]
  return [...lengths, compared(name, worst, tolerance), ...(cleans === undefined ? [] : [compared(`${name} x0`, worstClean, tolerance)])]
}

const replaceTensors = (tree: unknown, f: () => Tensor): unknown => {
  const go = (x: unknown): unknown =>
    x instanceof Tensor ? f() : x !== null && typeof x === 'object' && Object.getPrototypeOf(x) === Object.prototype
      ? Object.fromEntries(Object.entries(x).map(([k, y]) => [k, go(y)]))
      : Array.isArray(x) ? x.map(go) : x
  return go(tree)
}

const extras = (name: string, c: Case, family: Family, of: (key: string) => Recorded | undefined, labels: readonly number[], batch: { sample: Recorded; noise: Recorded }, precision: Precision): Check[] => {
  const process = family.alphas(c)
  const [x, n] = [constant(batch.sample), constant(batch.noise)]
  const check = (key: string, f: (x: Tensor, n: Tensor) => Tensor): Check[] => {
    const want = of(key)
    if (want === undefined) return []
    const [got] = run((p, q) => f(p!, q!), [x, n], precision)
    return [compared(`${name} ${key}`, largest(got!, want.values) / span(want.values), 1e-5)]
  }
  const train = of('train_timesteps') === undefined ? undefined : [...of('train_timesteps')!.values]
  return [
    ...check('add_noise', (p, q) => process.addNoise(p, q, labels)),
    ...check('get_velocity', (p, q) => process.velocity(p, q, labels)),
    ...(train === undefined ? [] : check('add_noise_train', (p, q) => process.addNoise(p, q, train))),
  ]
}

const checkCase = (file: File, c: Case, family: Family, data: ReadonlyMap<string, Recorded>, schedules: ReadonlyMap<string, Recorded>, precision: Precision): Check[] => {
  const of = (key: string): Recorded | undefined => data.get(`${c.id}.${key}`)
  const name = `schedulers/${String(c.config['_class_name'])} ${c.id}`
  try {
    const whole = family.make({ ...c, begin_index: 0 })
    const out: Check[] = []
    const timesteps = of('timesteps')
    const labels = whole.timesteps.map((t) => t.t)
    if (timesteps !== undefined) out.push(compared(`${name} timesteps`, largest(labels, timesteps.values), 0))
    out.push(compared(`${name} init_noise_sigma`, Math.abs(whole.initNoiseSigma - c.init_noise_sigma) / c.init_noise_sigma, 1e-6))
    const process = family.alphas(c)
    for (const [key, ours] of [['betas', process.betas], ['alphas_cumprod', process.alphasCumprod]] as const) {
      const want = c.schedule === undefined ? undefined : schedules.get(`${c.schedule}.${key}`)
      if (want !== undefined) out.push(compared(`${name} ${key}`, largest(ours, want.values) / span(want.values), 1e-5))
    }
    out.push(...trajectory(name, c, file, family, of, precision))
    const [sample, noise] = [of('extra_sample') ?? data.get('extra_sample'), of('extra_noise') ?? data.get('extra_noise')]
    if (c.extras !== undefined && sample !== undefined && noise !== undefined)
      out.push(...extras(name, c, family, of, c.extras.timestep_indices.map((i) => labels[i]!), { sample, noise }, precision))
    return out
  } catch (error) {
    // What diffusers takes and ends in NaN may be refused when the scheduler is made, by name.
    if (error instanceof ConfigError && !c.finite) return [{ name: `${name} (refused: ${error.message})`, error: 0, tolerance: 0, pass: true }]
    return [{ name, error: Infinity, tolerance: 0, pass: false, why: error instanceof Error ? error.message : String(error) }]
  }
}

/** Every recorded scheduler of a directory laid out like reference/open/schedulers; classes we have no row for are skipped by name. */
export const checkSchedulers = async (dir: string, precision: Precision = 'f64'): Promise<readonly Check[]> => {
  const files = (await readdir(dir)).filter((f) => /Scheduler\.json$/.test(f)).sort()
  const schedules = await readRecording(join(dir, 'schedules.safetensors')).catch(() => new Map<string, Recorded>())
  const checks: Check[] = []
  for (const f of files) {
    const className = f.replace('.json', '')
    const family = (Object.keys(families) as SchedulerName[]).find((k) => families[k].className === className)
    if (family === undefined) {
      checks.push({ name: `schedulers/${className}`, error: NaN, tolerance: 0, pass: true, skipped: 'this scheduler is not there yet' })
      continue
    }
    const file = JSON.parse(await readFile(join(dir, f), 'utf8')) as File
    const data = await readRecording(join(dir, `${className}.safetensors`))
    for (const c of file.cases) checks.push(...checkCase(file, c, known[family], data, schedules, precision))
  }
  return checks
}
