import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { betaSchedules } from '../../src/schedulers/betas.ts'
import { familyOf, unknownKeys } from '../../src/schedulers/by-name.ts'
import type { SchedulerConfig } from '../../src/schedulers/config.ts'
import { ddimScheduler } from '../../src/schedulers/ddim.ts'
import { ddpmScheduler } from '../../src/schedulers/ddpm.ts'
import type { Scheduler } from '../../src/schedulers/scheduler.ts'
import { spacings } from '../../src/schedulers/spacing.ts'
import { noiseOf } from '../../src/tensor/noise.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { list } from '../support/host.ts'

const config = (o: SchedulerConfig = {}): SchedulerConfig => ({ clip_sample: false, ...o })
const quiet = noiseOf(Array.from({ length: 1001 }, () => tensor([0, 0, 0], [1, 3])))
const vector = fc
  .array(fc.double({ min: -3, max: 3, noNaN: true }).map(Math.fround), { minLength: 3, maxLength: 3 })
  .map((v) => tensor(v, [1, 3]))
const shapes = fc.record({
  timestep_spacing: fc.constantFrom(...spacings),
  beta_schedule: fc.constantFrom('linear', 'scaled_linear', 'squaredcos_cap_v2'),
  steps_offset: fc.constantFrom(0, 1),
})

/** The fold, every state brought to the host after each step, with what the model saw. */
const run = <S extends { readonly x: Tensor }, K extends string>(
  s: Scheduler<S, K>,
  start: Tensor,
  model: (x: Tensor, t: number) => Tensor,
) => {
  let state = s.start(start, quiet)
  const seen: number[][] = []
  for (const t of s.timesteps) {
    seen.push(list(s.input(state, t)))
    const next = s.step(state, model(s.input(state, t), t.t), t)
    state = { ...next, x: tensor(list(next.x), next.x.shape) }
  }
  return { seen, sample: list(s.output(state)) }
}
const close = (got: readonly number[], want: readonly number[], tolerance: number): void =>
  got.forEach((g, i) => expect(Math.abs(g - want[i]!)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(want[i]!))))

describe('set_timesteps', () => {
  it('of 50 on 1000 gives 980, 960, …, 0', () => {
    const want = Array.from({ length: 50 }, (_, i) => 980 - 20 * i)
    expect(ddpmScheduler({}, 50).timesteps.map((t) => t.t)).toEqual(want)
    expect(ddimScheduler({}, 50).timesteps.map((t) => t.t)).toEqual(want)
  })
})

describe('configs', () => {
  it('name the field that is wrong, and what is allowed', () => {
    expect(() => ddpmScheduler({ beta_schedule: 'quadratic' }, 10)).toThrow(
      `beta_schedule: "quadratic" is not supported; allowed: linear, scaled_linear, squaredcos_cap_v2, laplace, sigmoid`,
    )
    expect(() => ddpmScheduler({ variance_type: 'none' }, 10)).toThrow('variance_type')
    expect(() => ddimScheduler({}, 0)).toThrow('steps: 0 is no number of steps; allowed: a whole number from 1 to 1000')
    expect(() => ddimScheduler({}, 1001)).toThrow('steps')
    expect(() => ddimScheduler({}, 2.5)).toThrow('steps')
    expect(() => ddimScheduler({}, 10, { eta: 2 })).toThrow('eta')
    expect(() => ddpmScheduler({ num_train_timesteps: 2, trained_betas: [0.1, -1] }, 1)).toThrow('trained_betas.1')
    expect(() => ddimScheduler({ rescale_betas_zero_snr: true, timestep_spacing: 'trailing' }, 10)).toThrow(
      'zero signal-to-noise',
    )
  })
  it('of one class serve another: swapping is applying another constructor', () => {
    const pndm = { _class_name: 'PNDMScheduler', skip_prk_steps: true, beta_schedule: 'scaled_linear', steps_offset: 1 }
    expect(ddimScheduler(pndm, 10).timesteps[0]!.t).toBe(901)
    expect(familyOf('DDIMScheduler')).toBe('ddim')
    expect(() => familyOf('euler-ish')).toThrow('scheduler: "euler-ish" is not known')
    expect(unknownKeys({ _class_name: 'DDPMScheduler', tensor_format: 'pt', beta_end: 0.02 })).toEqual([
      'tensor_format',
    ])
  })
})

describe('laws', () => {
  it('never leave the line from noise to x₀ when the noise is known (ε exact)', () => {
    fc.assert(
      fc.property(vector, vector, fc.integer({ min: 1, max: 60 }), shapes, (x0, eps, steps, o) => {
        const s = ddimScheduler(config({ ...o, timestep_spacing: 'leading' }), steps)
        const { seen, sample } = run(s, s.addNoise(x0, eps, s.timesteps[0]!), () => eps)
        // At ᾱ near 0 the ε form divides by √ᾱ: the tolerance is float32's rounding of the states, magnified by it.
        const tolerance = 1e-6 / Math.min(...s.timesteps.map((t) => t.alpha))
        seen.forEach((x, i) => close(x, list(s.addNoise(x0, eps, s.timesteps[i]!)), tolerance))
        close(sample, list(x0), tolerance)
      }),
      { numRuns: 60 },
    )
  })
  it('reach x₀ when the model knows it', () => {
    fc.assert(
      fc.property(vector, vector, fc.integer({ min: 1, max: 60 }), shapes, (x0, eps, steps, o) => {
        // DDIM's ᾱ′ is ⌊T/n⌋ steps earlier: trailing steps of another stride end at ᾱ₀, as diffusers' do.
        fc.pre(o.timestep_spacing !== 'trailing' || 1000 % steps === 0)
        for (const make of [ddimScheduler, ddpmScheduler]) {
          const s: Scheduler<{ readonly x: Tensor }, 'alpha'> = make(
            config({ ...o, prediction_type: 'sample' }),
            steps,
          ) as never
          close(run(s, eps, () => x0).sample, list(x0), 1e-5)
        }
      }),
      { numRuns: 40 },
    )
  })
  it('step by η = 1 as DDPM does, with the same noise', () => {
    fc.assert(
      fc.property(vector, vector, vector, fc.integer({ min: 2, max: 40 }), (x, eps, z, steps) => {
        const [p, q] = [ddpmScheduler(config(), steps), ddimScheduler(config(), steps, { eta: 1 })]
        const stream = noiseOf([z])
        for (let i = 0; i < steps - 1; i++)
          if (1000 % steps === 0)
            close(
              list(p.step({ x, noise: stream }, eps, p.timesteps[i]!).x),
              list(q.step({ x, noise: stream }, eps, q.timesteps[i]!).x),
              1e-5,
            )
      }),
    )
  })
  it('split the variance: σ² + direction² = 1 − ᾱ′, whatever η', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        shapes,
        (steps, eta, o) => {
          for (const t of ddimScheduler(config(o), steps, { eta }).timesteps)
            expect(t.deviation ** 2 + t.direction ** 2).toBeCloseTo(1 - t.toClean ** 2, 12)
        },
      ),
      { numRuns: 50 },
    )
  })
  it('are total: every n, spacing, schedule, prediction and variance gives finite coefficients and a finite sample', () => {
    const kinds = fc.record({
      timestep_spacing: fc.constantFrom(...spacings),
      beta_schedule: fc.constantFrom(...betaSchedules.filter((b) => b !== 'exp')),
      prediction_type: fc.constantFrom('epsilon', 'sample', 'v_prediction'),
      variance_type: fc.constantFrom(
        'fixed_small',
        'fixed_small_log',
        'fixed_large',
        'fixed_large_log',
        'learned',
        'learned_range',
      ),
      steps_offset: fc.constantFrom(0, 1, 7),
      thresholding: fc.boolean(),
    })
    fc.assert(
      fc.property(kinds, fc.integer({ min: 1, max: 1000 }), (o, steps) => {
        const s = ddpmScheduler(o, steps)
        expect(s.timesteps.length).toBe(steps)
        for (const t of s.timesteps) for (const v of Object.values(t)) expect(Number.isFinite(v)).toBe(true)
        const x = tensor([1, -2, 0.5, 3], [1, 1, 2, 2])
        const answer = o.variance_type.startsWith('learned') ? tensor([1, 0, -1, 2, -1, 0, 0.5, 1], [1, 2, 2, 2]) : x
        const noise = noiseOf([x], x.shape)
        for (const t of [s.timesteps[0]!, s.timesteps.at(-1)!])
          for (const v of list(s.step({ x, noise }, answer, t).x, 'f32')) expect(Number.isFinite(v)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })
  it('are pure: the same arguments give the same state', () => {
    const s = ddpmScheduler({}, 10)
    const x = tensor([1, 2, 3], [1, 3])
    const state = s.start(x, noiseOf([x]))
    expect(list(s.step(state, x, s.timesteps[3]!).x)).toEqual(list(s.step(state, x, s.timesteps[3]!).x))
  })
})
