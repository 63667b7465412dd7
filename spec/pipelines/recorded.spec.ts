import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { checkPipelines } from '../reference/pipelines.ts'

const recordings = fileURLToPath(new URL('../reference/data/pipelines', import.meta.url))

it('text to image, image to image, inpainting and ControlNet give the latents and pictures that diffusers gave', async () => {
  const checks = await checkPipelines(recordings, undefined)
  expect(checks.length).toBeGreaterThan(18)
  expect(checks.filter((c) => !c.pass || c.skipped !== undefined)).toEqual([])
})
