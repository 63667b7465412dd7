import { describe, expect, it } from 'vitest'
import { gaussianError, measuredOrders } from '../../../src/laws/gaussian-oracle.ts'
import type { SchedulerName } from '../../../src/schedulers/by-name.ts'
import { made } from './subjects.ts'

const grid = { use_exponential_sigmas: true, lower_order_final: false }
const uncorrected = { disable_corrector: Array.from({ length: 130 }, (_, i) => i) }
const noise = { algorithm_type: 'dpmsolver', final_sigmas_type: 'sigma_min' }
const ode = { tau: () => 0 }

/** A family under a config and options, and the least and greatest order that it may show. */
type Row = {
  readonly of: readonly [family: SchedulerName, config?: object, options?: object]
  readonly least: number
  readonly most: number
  readonly calls?: number
}
const row = (of: Row['of'], least: number, most: number, calls = 1): Row => ({ of, least, most, calls })

/** The order at 65 and 129 steps on Gaussian data, between these. Start-up caps DPM-Solver++(3M) at 2. */
const table: readonly Row[] = [
  row(['euler'], 0.95, 1.05),
  row(['dpm', { solver_order: 1 }], 0.95, 1.05),
  row(['deis', { solver_order: 1 }], 0.95, 1.05),
  row(['heun'], 1.95, 2.1, 2),
  row(['kdpm2'], 1.95, 2.1, 2),
  row(['dpm', { solver_order: 2 }], 1.9, 2.1),
  row(['dpm', { solver_order: 2, solver_type: 'heun' }], 1.9, 2.2),
  row(['dpm', { solver_order: 2, ...noise }], 1.9, 2.1),
  row(['dpm_single', { solver_order: 2 }], 1.85, 2.1),
  row(['deis', { solver_order: 2 }], 1.9, 2.1),
  row(['unipc', { solver_order: 1 }], 1.9, 2.1),
  row(['unipc', { solver_order: 2, ...uncorrected }], 1.9, 2.1),
  row(['unipc', { solver_order: 2 }], 2.9, 3.4),
  row(['unipc', { solver_order: 3 }], 2.7, 4.5),
  row(['sa', {}, ode], 2, 2.5),
  row(['lms'], 3, 4.1),
  row(['dpm', { solver_order: 3 }], 1.9, 2.4),
  row(['dpm_single', { solver_order: 3 }], 2.85, 3.1),
  row(['deis', { solver_order: 3 }], 2.8, 4.1),
]

describe('law 14, the orders that are measured', () => {
  it.each(table)('$of: from $least to $most', ({ of: [family, config, options], least, most, calls = 1 }) => {
    const make = made(family, { ...config, ...grid }, options)
    for (const { order } of measuredOrders(make, { prediction: 'epsilon', calls }).slice(1)) {
      expect(order).toBeGreaterThanOrEqual(least)
      expect(order).toBeLessThanOrEqual(most)
    }
  })
  it('DEIS of order 3 goes on converging where closed forms of its weights cancel', () => {
    const errors = [33, 65, 129, 257].map((n) =>
      gaussianError(made('deis', { solver_order: 3, ...grid })(n), { prediction: 'epsilon' }),
    )
    errors.slice(1).forEach((e, i) => expect(e).toBeLessThan(errors[i]! / 4))
  })
})
