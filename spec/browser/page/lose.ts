/** A fold whose device is lost on the way. */
import { backend, ddpmScheduler, noise, onHost, read, resume, sample, seed, states, unet2d } from 'diffold'
import type { WebGpu } from '../../../src/backend/webgpu/webgpu.ts'
import { checkpoint } from './checkpoint.ts'

/** Draws, draws again and loses the device, goes on from the last saved state: how the fold failed, and how far the two results are apart. */
export const lose = async (): Promise<unknown> => {
  const { unet, scheduler: config } = await checkpoint()
  const scheduler = ddpmScheduler(config, 4)
  const denoise = unet2d(unet)
  const on = { backend: 'webgpu' } as const
  const start = () => noise(seed(0), [1, 3, 64, 64])
  const whole = await read(sample(scheduler, denoise, on)(start()))
  const gpu = (await backend('webgpu')) as WebGpu
  const lost = gpu.device()
  let saved: { readonly state: unknown; readonly step: number } | undefined
  let failure: unknown
  try {
    for await (const { state, step } of states(scheduler, denoise, on)(start())) {
      saved = { state: await onHost(state), step }
      if (step === 2) lost.gpu.destroy()
    }
  } catch (error) {
    failure = error
  }
  const rest = resume(scheduler, denoise, on)(saved!.state as never, saved!.step)
  let next = await rest.next()
  while (next.done !== true) next = await rest.next()
  const again = await read(next.value)
  return {
    failure: `${failure instanceof Error ? failure.name : typeof failure}: ${String(failure)}`,
    step: saved!.step,
    replaced: gpu.device() !== lost,
    apart: whole.reduce((most, v, i) => Math.max(most, Math.abs(v - again[i]!)), 0),
  }
}
