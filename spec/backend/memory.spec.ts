import * as tf from '@tensorflow/tfjs-core'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { beforeAll, describe, expect, it } from 'vitest'
import { compile, dispose, read } from '../../src/backend/compile.ts'
import { backend } from '../../src/backend/select.ts'
import { ownName } from '../../src/backend/tfjs/device.ts'
import { sample, states, type Denoiser } from '../../src/pipelines/sample.ts'
import { seed } from '../../src/random/generator.ts'
import { ddpmScheduler } from '../../src/schedulers/ddpm.ts'
import { groupNorm, linear, softmax } from '../../src/tensor/nn.ts'
import { noise } from '../../src/tensor/noise.ts'
import { full, tensor, type Scalar, type Tensor } from '../../src/tensor/tensor.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

type Held = { readonly numTensors: number; readonly numBytes: number }

describe.each(['tfjs-cpu', 'tfjs-wasm'] as const)('tf.memory() on %s', (name) => {
  const on = { backend: name }
  const tfName = ownName(name)
  const shape = [1, 8, 4, 4]
  const picture = (t: number): Tensor =>
    tensor(
      Float32Array.from({ length: 128 }, (_, i) => Math.sin(i + t)),
      shape,
    )
  beforeAll(async () => void (await backend(name)))

  const probe = compile((x: Tensor) => x.add(1), on)
  /** What is held when the queue has come to rest: the last disposal waits its turn. */
  const held = async (): Promise<Held> => {
    const x = probe(tensor([0]))
    await read(x)
    dispose(x)
    for (let i = 0; i < 20; i++) await new Promise((done) => setImmediate(done))
    const { numTensors, numBytes } = tf.memory()
    return { numTensors, numBytes }
  }
  /** Expects a hundred runs to leave no more behind than one. */
  const expectSteady = async (run: (t: number) => Promise<void>): Promise<void> => {
    await run(0)
    collectGarbage() // what other tests have left behind, so that it does not go during this one
    await held()
    const after = await held()
    for (let t = 1; t <= 100; t++) await run(t)
    expect(await held()).toEqual(after)
  }

  it('is the same after a hundred runs as after one', async () => {
    const weights = { weight: full([8], 2), bias: full([8], 1) }
    const projection = { weight: full([4, 4], 0.5).add(0), bias: full([4], 1) } // computed once, and kept
    const f = compile((x: Tensor, t: Scalar) => {
      const y = softmax(-1)(groupNorm(weights, { groups: 4 })(x.mul(t)).silu())
      return { y: linear(projection)(y).add(x.permute(0, 1, 3, 2)), same: x.reshape(8, 16), mean: y.mean() }
    }, on)
    await expectSteady(async (t) => {
      const out = f(picture(t), t)
      for (const x of [out.y, out.same, out.mean]) await read(x)
      dispose(out)
    })
  })
  it('likewise where results are inputs, and are disposed before they are read or twice', async () => {
    const f = compile((x: Tensor) => x.mul(0.5).add(x.permute(0, 1, 3, 2)), on)
    await expectSteady(async (t) => {
      const a = f(picture(t))
      const b = f(a)
      const c = f(b.add(a))
      dispose([a, b])
      dispose(a)
      await read(c)
      dispose(c)
      dispose(f(picture(t)))
    })
  })
  it('likewise where a run fails half way', async () => {
    const f = compile((x: Tensor, y: Tensor) => x.mul(2).add(y.mul(3)).exp().add(y), on)
    const kernel = tf.getKernel('Exp', tfName)
    expect(kernel).toBeDefined()
    await read(f(picture(0), picture(1)))
    tf.unregisterKernel('Exp', tfName)
    try {
      await expectSteady(async (t) => {
        await expect(read(f(picture(t), picture(t + 1)))).rejects.toThrow('exp')
        // A result that failed is refused as an input, after the other inputs were taken in.
        await expect(read(f(picture(t), f(picture(t), picture(t))))).rejects.toThrow('exp')
      })
    } finally {
      tf.registerKernel(kernel)
    }
    expect((await read(f(picture(0), picture(1)))).every(Number.isFinite)).toBe(true)
  })
  it('likewise where what is computed once fails', async () => {
    const kernel = tf.getKernel('Exp', tfName)
    tf.unregisterKernel('Exp', tfName)
    const captured = picture(0)
    const f = compile((x: Tensor) => x.add(captured.mul(2).add(1).exp()), on)
    try {
      await expectSteady(async (t) => {
        await expect(read(f(picture(t)))).rejects.toThrow('exp')
      })
    } finally {
      tf.registerKernel(kernel)
    }
  })
  it('likewise where a pipeline is aborted or left, once its last state is disposed', async () => {
    const eps: Denoiser = (x, t) =>
      x
        .mul(0.3)
        .add(x.permute(0, 1, 3, 2).mul(0.1))
        .mul(x.mul(0).add(t).div(1000))
    const scheduler = ddpmScheduler({}, 4)
    const drawn = sample(scheduler, eps, on)
    await expectSteady(async (t) => {
      const controller = new AbortController()
      let last: unknown
      const aborted = async (): Promise<void> => {
        for await (const { step, state } of states(scheduler, eps, { ...on, signal: controller.signal })(
          noise(seed(t), shape),
        )) {
          last = state
          if (step === 2) controller.abort()
        }
      }
      await expect(aborted()).rejects.toThrow('abort')
      dispose(last)
      for await (const { step, state } of states(scheduler, eps, on)(noise(seed(t), shape))) {
        last = state
        if (step === 3) break
      }
      dispose(last)
      const x = drawn(noise(seed(t), shape))
      await read(x)
      dispose(x)
    })
  })
})
