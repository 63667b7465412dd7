import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Image } from '../../src/image/image.ts'
import { checkPipelines, checkRun } from '../reference/pipelines.ts'
import type { Fault } from '../reference/recorded-run.ts'
import { nudged } from '../reference/rounding.ts'

const recordings = fileURLToPath(new URL('../reference/data/pipelines', import.meta.url))

const holdsOn = (backend: 'host' | 'wasm') => async (): Promise<void> => {
  const checks = await checkPipelines(recordings, backend)
  expect(checks.length).toBeGreaterThan(18)
  expect(checks.filter((c) => !c.pass || c.skipped !== undefined)).toEqual([])
}

it(
  'text to image, image to image, inpainting and ControlNet are what diffusers recorded, by the semantics',
  holdsOn('host'),
)
it('and on WebAssembly', holdsOn('wasm'))

/** A picture moved to the right by some pixels. */
const moved =
  (by: number) =>
  (image: Image): Image => ({
    ...image,
    rgba: image.rgba.map((_, i) => {
      const [pixel, c] = [Math.floor(i / 4), i % 4]
      return image.rgba[4 * (pixel - Math.min(by, pixel % image.width)) + c]!
    }),
  })

// The fold of inpaint9 takes what rounding changes in an answer, 10⁻⁶, to as much as 0.1 of its latents. So do torch's own runs of it.
describe('a fold that magnifies rounding', () => {
  const check = (fault: Fault) => checkRun(recordings, 'inpaint9', { backend: 'wasm' }, { fault })

  const faults: Readonly<Record<string, Fault>> = {
    'guidance 1 % too strong': { request: (r) => ({ ...r, guidance: 7.5 * 1.01 }) },
    'guidance 0.1 % too strong': { request: (r) => ({ ...r, guidance: 7.5 * 1.001 }) },
    'a mask that lies a latent aside': { request: (r) => ({ ...r, mask: moved(2)(r.mask!) }) },
    'a picture that lies a pixel aside': { request: (r) => ({ ...r, image: moved(1)(r.image!) }) },
    'times one too late': {
      scheduler: (s) => ({ ...s, timesteps: s.timesteps.map((t) => ({ ...t, t: t['t']! + 1 })) }),
    },
    'a history that weighs 1 % too much': {
      scheduler: (s) => ({ ...s, timesteps: s.timesteps.map((t) => ({ ...t, ago1: t['ago1']! * 1.01 })) }),
    },
    'answers 0.1 % too large': {
      scheduler: (s) => ({ ...s, step: (state, answer, t) => s.step(state, answer.mul(1.001), t) }),
    },
  }
  it.each(Object.entries(faults))('is refused with %s, by each step alone', async (_, fault) => {
    const failed = (await check(fault)).filter((c) => !c.pass).map((c) => c.name)
    expect(failed).toContain('pipelines/inpaint9 each step alone')
  })

  it.each([101, 102])('is not refused for rounding, whichever way it goes (%i)', async (run) => {
    const checks = await check({ scheduler: nudged(run).scheduler })
    expect(checks.filter((c) => !c.pass)).toEqual([])
  })
})
