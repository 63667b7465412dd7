/** DPM-Solver and DPM-Solver++, singlestep: blocks of as many model calls as their order. Lu et al. 2022a, 2022b. */
import * as t from 'io-ts'
import { ConfigError } from '../errors.ts'
import type { Noise } from '../tensor/noise.ts'
import { zeros, type Scalar, type Tensor } from '../tensor/tensor.ts'
import { defaulted } from '../core/config.ts'
import { fieldsOf, type SchedulerConfig } from './config.ts'
import { algorithmField, dpmFields, formOf, meanOf, shiftFields, shiftOf } from './dpm-config.ts'
import type { DpmCoefficient, DpmOptions, DpmState } from './dpm-multistep.ts'
import { singlestepStep } from './dpm-weights.ts'
import { lambdaFields, lambdaGrid } from './lambda-grid.ts'
import { answersIn, answerWeights } from './lambda-space.ts'
import { addWeighted, namedWeights } from './multistep.ts'
import type { Scheduler, Step } from './scheduler.ts'

/** The fields of a DPMSolverSinglestepScheduler's config, with diffusers' defaults. */
export const dpmSinglestepFields = t.type({
  ...dpmFields,
  ...algorithmField('dpmsolver', 'dpmsolver++', 'sde-dpmsolver++'),
  ...shiftFields,
  lower_order_final: defaulted(t.boolean, false),
  final_sigmas_type: lambdaFields.final_sigmas_type,
})

/** Those of the multistep method; and whether a block begins here (1) or goes on (0), and the opposite. */
export type DpmSinglestepCoefficient = DpmCoefficient | 'begins' | 'goesOn'

/** A sample, and the one that the block started from; answers and noise as in the multistep method. */
export type DpmSinglestepState = DpmState & { readonly from: Tensor }

/**
 * The order of each step, counted from 1 inside its block. With `lowers`, blocks of full order leave room for steps of
 * lower order at the end; and without it n is a multiple of the order.
 */
const blockOrders = (n: number, order: number, lowers: boolean): readonly number[] => {
  const places = Array.from({ length: n }, (_, i) => (i % order) + 1)
  // 1 2 1 for 1 2 3, 1 1 for 1 2: the last step of a run is always of order 1.
  const ends = lowers && n % order === 0
  return places.map((place, i) => (ends && i === n - 1 ? 1 : place))
}

/**
 * A block of order k visits k levels; its last step goes on from the sample where the block started, with all of its
 * answers: x' = carry x_block + Σⱼ wⱼ fⱼ + fresh z (`singlestepStep`), and so do those before it with the answers there
 * are. Every step lists one model call. Where n is no multiple of the order, or the final level is zero, or
 * `lower_order_final`, the last block is cut so that its last step is of order 1. A run that begins inside a block has
 * lower orders until it has answers. State: the sample, the block's start, `solver_order` − 1 answers, the noise. One
 * draw a step of the SDE, none of the ODE. Throws `ConfigError`, also for dpmsolver with thresholding, as the original
 * does.
 */
export const dpmSinglestepScheduler = (
  config: SchedulerConfig,
  steps: number,
  { mu, ...given }: DpmOptions = {},
): Scheduler<DpmSinglestepState, DpmSinglestepCoefficient> => {
  const fields = fieldsOf(dpmSinglestepFields, config)
  const { algorithm_type: algorithm, solver_order: most } = fields
  const form = formOf(fields)
  if (form === 'noise' && fields.thresholding)
    throw new ConfigError('thresholding', true, ['false'], `does not go with algorithm_type ${algorithm} singlestep`)
  const { timesteps: labels, levels } = lambdaGrid(steps, { ...fields, flow_shift: shiftOf(fields, mu) }, given)
  const n = labels.length
  const begin = given.begin ?? 0
  const stochastic = algorithm.startsWith('sde')
  const final = levels[n]!.sigma === 0
  const orders = blockOrders(n, most, fields.lower_order_final || final || n % most !== 0)
  const orderAt = (i: number): number => (i === n - 1 && final ? 1 : Math.max(Math.min(orders[i]!, i - begin + 1), 1))

  const coefficients = (label: number, i: number): Step<DpmSinglestepCoefficient, number> => {
    const order = orderAt(i)
    const past = Array.from({ length: order }, (_, j) => levels[i - j]!)
    const { carry, answers, fresh } = singlestepStep(algorithm, fields.solver_type, past, levels[i + 1]!)
    const { now, ago1, ago2 } = namedWeights(answers)
    return {
      t: label,
      ...answerWeights(form, fields.prediction_type, levels[i]!),
      begins: order === 1 ? 1 : 0,
      goesOn: order === 1 ? 0 : 1,
      carry,
      now,
      ago1,
      ago2,
      fresh,
    }
  }
  const { clean, integrand } = answersIn(form, fields)
  const mean = meanOf(fields.variance_type)
  const start = (x: Tensor, noise: Noise): DpmSinglestepState => ({
    x,
    from: x,
    past: Array.from({ length: most - 1 }, () => zeros(x.shape)),
    noise,
  })

  return {
    timesteps: labels.map(coefficients).slice(begin),
    initNoiseSigma: 1,
    init: (noise) => start(noise.head, noise.next),
    start,
    input: ({ x }) => x,
    denoised: ({ x }, answer, c) => clean(x, mean(x, answer), c),
    step: ({ x, from, past, noise }, answer, c: Step<DpmSinglestepCoefficient, Scalar>) => {
      const block = x.mul(c.begins).add(from.mul(c.goesOn))
      const answers = [integrand(x, mean(x, answer), c), ...past]
      const moved = addWeighted(block.mul(c.carry), answers, { ...c, ago3: 0 })
      const next = { from: block, past: answers.slice(0, most - 1) }
      return stochastic
        ? { x: moved.add(noise.head.mul(c.fresh)), ...next, noise: noise.next }
        : { x: moved, ...next, noise }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { alpha, deviation }) => x.mul(alpha).add(noise.mul(deviation)),
  }
}
