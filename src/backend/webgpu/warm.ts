/** Drivers that compile a pipeline when it is first used: one workgroup of each, so that how long it takes can be told. */
import { tell } from '../progress.ts'
import type { Device } from './device.ts'
import type { Pipeline } from './pipelines.ts'
import { encode, type Ready } from './steps.ts'

/** Does this device put compiling off? */
export const compilesAtFirstUse = ({ capabilities }: Device): boolean => capabilities.adapter === 'lavapipe'

/** Uses each pipeline that has not been used, before the first run: what it writes then is written again. */
export const warm = async (
  device: Device,
  steps: readonly { readonly ready: Ready; readonly pipeline: Pipeline }[],
): Promise<void> => {
  const fresh = steps.filter(
    ({ pipeline }, i) => !pipeline.used && steps.findIndex((s) => s.pipeline === pipeline) === i,
  )
  for (const [i, { ready, pipeline }] of fresh.entries()) {
    const start = performance.now()
    const encoder = device.gpu.createCommandEncoder()
    const pass = encoder.beginComputePass({ label: ready.label })
    device.counts.dispatches += encode(pass, [{ ...ready, workgroups: [1, 1, 1] }])
    pass.end()
    device.submit(encoder.finish())
    await device.idle()
    pipeline.used = true
    tell({ done: i + 1, total: fresh.length, label: ready.label, ms: performance.now() - start })
  }
}
