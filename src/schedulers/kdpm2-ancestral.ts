/** DPM-Solver-2 with ancestral noise. Crowson 2022, k-diffusion (`sample_dpm_2_ancestral`). */
import { sparing, type Noise } from '../tensor/noise.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { SchedulerConfig } from './config.ts'
import { ancestral } from './euler-ancestral.ts'
import { midpointCoefficients, midpointGrid, midpointStep, type Kdpm2Coefficient, type MidpointState } from './kdpm2.ts'
import { beginning, calls } from './pairs.ts'
import type { Scheduler } from './scheduler.ts'
import type { SigmaOptions } from './sigma-grid.ts'
import { cleanBy } from './sigma-space.ts'

export { kdpm2Fields as kdpm2AncestralFields } from './kdpm2.ts'

/** A sample, the step's start, and the noise still to be drawn. */
export type NoisyMidpointState = MidpointState & { readonly noise: Noise }

/**
 * As `kdpm2Scheduler`, with σ_down in place of σ' and σ_up z added at the end of a step; the middle √(σ σ_down) is σ' itself. State: the
 * sample, the step's start, the noise. One draw a step, none in the last. Throws `ConfigError`.
 */
export const kdpm2AncestralScheduler = (
  config: SchedulerConfig,
  steps: number,
  options: SigmaOptions = {},
): Scheduler<NoisyMidpointState, Kdpm2Coefficient | 'up'> => {
  const grid = midpointGrid(config, steps, options, (_, next) => next)
  const all = calls(grid.labels.length).map((call) => {
    const { down, up } = ancestral(grid.sigmas[call.step]!, grid.sigmas[call.step + 1]!)
    return { ...midpointCoefficients(grid, call, down), up: call.second ? up : 0 }
  })
  const timesteps = all.slice(beginning(options.begin))
  const drawn = timesteps.map((c) => c.up > 0)
  const start = (x: Tensor, noise: Noise): NoisyMidpointState => ({ x, from: x, noise: sparing(noise, drawn) })
  return {
    timesteps,
    callsPerStep: 2,
    initNoiseSigma: grid.initNoiseSigma,
    init: (noise) => start(noise.head.mul(grid.initNoiseSigma), noise.next),
    start,
    input: ({ x }, c) => x.mul(c.scale),
    denoised: ({ x }, answer, c) => cleanBy(x, answer, c),
    step: ({ noise, ...state }, answer, c) => {
      const { x, from } = midpointStep(state, answer, c)
      return { x: x.add(noise.head.mul(c.up)), from, noise: noise.next }
    },
    output: ({ x }) => x,
    addNoise: (x, noise, { sigma }) => x.add(noise.mul(sigma)),
  }
}
