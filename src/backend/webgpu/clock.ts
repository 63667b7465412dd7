/** How long kernels take on the device itself. */
import type { Device } from './device.ts'
import { encode, type Ready } from './steps.ts'

/** As many kernels as one set of queries has times for. */
const mostTimed = 2048

/** Runs steps one by one after `begin`; the milliseconds of each. Where the device has no clock they are measured from here, which takes longer. */
export const timed = async (
  device: Device,
  steps: readonly Ready[],
  begin: (encoder: GPUCommandEncoder) => void,
): Promise<readonly number[]> => {
  const encoder = device.gpu.createCommandEncoder()
  begin(encoder)
  device.submit(encoder.finish())
  if (!device.gpu.features.has('timestamp-query')) return fromHere(device, steps)
  const times: number[] = []
  for (let at = 0; at < steps.length; at += mostTimed)
    times.push(...(await byQueries(device, steps.slice(at, at + mostTimed))))
  return times
}

const byQueries = async (device: Device, steps: readonly Ready[]): Promise<readonly number[]> => {
  const encoder = device.gpu.createCommandEncoder()
  const bytes = 16 * steps.length
  const queries = device.gpu.createQuerySet({ type: 'timestamp', count: 2 * steps.length })
  const [resolved] = await device.buffers.take([bytes], 'queries', 'times')
  const [staging] = await device.buffers.take([bytes], 'reading', 'times')
  try {
    steps.forEach((step, i) => {
      const timestampWrites = { querySet: queries, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 }
      const pass = encoder.beginComputePass({ label: step.label, timestampWrites })
      device.counts.dispatches += encode(pass, [step], true)
      pass.end()
    })
    encoder.resolveQuerySet(queries, 0, 2 * steps.length, resolved!, 0)
    encoder.copyBufferToBuffer(resolved!, 0, staging!, 0, bytes)
    device.submit(encoder.finish())
    await staging!.mapAsync(GPUMapMode.READ)
    const times = new BigUint64Array(staging!.getMappedRange().slice(0))
    staging!.unmap()
    return steps.map((_, i) => Math.max(0, Number(times[2 * i + 1]! - times[2 * i]!)) / 1e6)
  } finally {
    queries.destroy()
    device.buffers.destroy(resolved!)
    device.buffers.destroy(staging!)
  }
}

const fromHere = async (device: Device, steps: readonly Ready[]): Promise<readonly number[]> => {
  const times: number[] = []
  for (const step of steps) {
    await device.idle()
    const encoder = device.gpu.createCommandEncoder()
    const pass = encoder.beginComputePass({ label: step.label })
    device.counts.dispatches += encode(pass, [step], true)
    pass.end()
    const start = performance.now()
    device.submit(encoder.finish())
    await device.idle()
    times.push(performance.now() - start)
  }
  return times
}
