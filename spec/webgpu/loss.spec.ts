import { expect, it } from 'vitest'
import { compile, read } from '../../src/backend/compile.ts'
import { onHost, resume, sample, states, type Denoiser } from '../../src/pipelines/sample.ts'
import { seed } from '../../src/random/generator.ts'
import { ddpmScheduler } from '../../src/schedulers/ddpm.ts'
import { noise } from '../../src/tensor/noise.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { describeWebgpu, on, started } from './started.ts'

const shape = [1, 2, 8, 8]
const weight = tensor(
  Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)),
  [8, 8],
)
const eps: Denoiser = (x, t) =>
  x
    .mul(weight)
    .add(x.permute(0, 1, 3, 2).mul(0.1))
    .mul(x.mul(0).add(t).div(1000))
const scheduler = ddpmScheduler({}, 6)
const start = () => noise(seed(3), shape)

describeWebgpu('a device that is lost', () => {
  it('fails the fold that is on it, which goes on from its last saved state on a new one, to the same picture', async () => {
    const gpu = await started()
    const whole = await read(sample(scheduler, eps, on)(start()))
    const lost = gpu.device()
    let saved: { readonly state: unknown; readonly step: number } | undefined
    const run = async (): Promise<void> => {
      for await (const { state, step } of states(scheduler, eps, on)(start())) {
        saved = { state: await onHost(state), step }
        if (step === 3) lost.gpu.destroy()
      }
    }
    await expect(run()).rejects.toMatchObject({ _tag: 'DeviceError', backend: 'webgpu' })
    expect(saved!.step).toBe(3)
    const rest = resume(scheduler, eps, on)(saved!.state as never, saved!.step)
    let next = await rest.next()
    while (next.done !== true) next = await rest.next()
    expect(await read(next.value)).toEqual(whole)
    expect(gpu.device()).not.toBe(lost)
  })

  it('takes its values with it; programs bring what they need of the host to the next', async () => {
    const gpu = await started()
    const f = compile((x: Tensor) => x.mul(weight).sum(-1), on)
    const x = tensor(
      Float32Array.from({ length: 64 }, (_, i) => i),
      [8, 8],
    )
    const before = f(x)
    const want = await read(before)
    gpu.device().gpu.destroy()
    await expect(read(before)).rejects.toThrow(/webgpu: the device was lost/)
    await expect(read(compile((a: Tensor) => a.add(1), on)(before))).rejects.toThrow('lost')
    expect(await read(f(x))).toEqual(want)
  })
})
