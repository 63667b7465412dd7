import { describe, expect, it } from 'vitest'
import { gaussianError, measuredOrders } from '../../../src/laws/gaussian-oracle.ts'
import type { SchedulerName } from '../../../src/schedulers/by-name.ts'
import { made } from './subjects.ts'

const grid = { use_exponential_sigmas: true, lower_order_final: false }
const uncorrected = { disable_corrector: Array.from({ length: 130 }, (_, i) => i) }
const noise = { algorithm_type: 'dpmsolver', final_sigmas_type: 'sigma_min' }
const ode = { tau: () => 0 }

type Row = readonly [
  family: SchedulerName,
  config: object,
  options: object,
  least: number,
  most: number,
  calls?: number,
]
/** The order at 65 and 129 steps on Gaussian data, between these. Start-up caps DPM-Solver++(3M) at 2. */
const table: readonly Row[] = [
  ['euler', {}, {}, 0.95, 1.05],
  ['dpm', { solver_order: 1 }, {}, 0.95, 1.05],
  ['deis', { solver_order: 1 }, {}, 0.95, 1.05],
  ['heun', {}, {}, 1.95, 2.1, 2],
  ['kdpm2', {}, {}, 1.95, 2.1, 2],
  ['dpm', { solver_order: 2 }, {}, 1.9, 2.1],
  ['dpm', { solver_order: 2, solver_type: 'heun' }, {}, 1.9, 2.2],
  ['dpm', { solver_order: 2, ...noise }, {}, 1.9, 2.1],
  ['dpm_single', { solver_order: 2 }, {}, 1.85, 2.1],
  ['deis', { solver_order: 2 }, {}, 1.9, 2.1],
  ['unipc', { solver_order: 1 }, {}, 1.9, 2.1],
  ['unipc', { solver_order: 2, ...uncorrected }, {}, 1.9, 2.1],
  ['unipc', { solver_order: 2 }, {}, 2.9, 3.4],
  ['unipc', { solver_order: 3 }, {}, 2.7, 4.5],
  ['sa', {}, ode, 2, 2.5],
  ['lms', {}, {}, 3, 4.1],
  ['dpm', { solver_order: 3 }, {}, 1.9, 2.4],
  ['dpm_single', { solver_order: 3 }, {}, 2.85, 3.1],
  ['deis', { solver_order: 3 }, {}, 2.8, 4.1],
]

describe('law 14, the orders that are measured', () => {
  it.each(table)('%s %j is of order %#: between', (family, config, options, least, most, calls = 1) => {
    const make = made(family, { ...config, ...grid }, options)
    for (const { order } of measuredOrders(make, { prediction: 'epsilon', calls }).slice(1)) {
      expect(order).toBeGreaterThanOrEqual(least)
      expect(order).toBeLessThanOrEqual(most)
    }
  })
  it('DEIS of order 3 goes on converging where closed forms of its weights cancel', () => {
    const errors = [65, 129, 257, 513].map((n) =>
      gaussianError(made('deis', { solver_order: 3, ...grid })(n), { prediction: 'epsilon' }),
    )
    errors.slice(1).forEach((e, i) => expect(e).toBeLessThan(errors[i]! / 4))
  })
})
