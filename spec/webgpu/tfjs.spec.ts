import * as tf from '@tensorflow/tfjs-core'
import { expect, it } from 'vitest'
import { compile, dispose, read, readIntegers } from '../../src/backend/compile.ts'
import { fromTfjs, shareDevice, toTfjs } from '../../src/backend/tfjs/share.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { describeWebgpu, on, settle, started } from './started.ts'

type Held = { readonly theirs: number; readonly ours: number; readonly tensors: number }

const held = async (): Promise<Held> => {
  await settle()
  const { numBytesAllocatedInGPU } = tf.backend().memory() as unknown as { readonly numBytesAllocatedInGPU: number }
  return { theirs: numBytesAllocatedInGPU, ours: (await started()).memory().bytes, tensors: tf.memory().numTensors }
}

const values = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i))

describeWebgpu('TensorFlow.js on our device', () => {
  it('shares its tensors with us: no buffer and no byte more', async () => {
    await shareDevice()
    const a = tf.add(tf.tensor(values, [10, 100]), 1) // waits in its queue
    const before = await held()
    const x = fromTfjs(a)
    expect(await held()).toEqual({ ...before, tensors: before.tensors + 1 })
    a.dispose()
    expect(await read(x)).toEqual(values.map((v) => Math.fround(v + 1)))
    dispose(x)
    expect((await held()).tensors).toBe(before.tensors - 1)
    await expect(read(x)).rejects.toThrow('disposed')
  })

  it('is given our results: no buffer and no byte more, whoever disposes first', async () => {
    await shareDevice()
    const f = compile((x: Tensor) => x.mul(2).add(1), on)
    for (const oursFirst of [true, false]) {
      const y = f(tensor(values, [10, 100]))
      const want = await read(y)
      const before = await held()
      const t = await toTfjs(y)
      expect(t.shape).toEqual([10, 100])
      expect(await held()).toEqual({ ...before, tensors: before.tensors + 1 })
      if (oursFirst) dispose(y)
      const other = f(tensor(values.map((v) => v + 1))) // takes what is free
      await read(other)
      expect(await t.data()).toEqual(want)
      t.dispose()
      if (!oursFirst) expect(await read(y)).toEqual(want)
      dispose([y, other])
    }
  })

  it('works in turn with us: neither reads before the other has written', async () => {
    await shareDevice()
    const f = compile((x: Tensor) => x.mul(2).add(1), on)
    let t: tf.Tensor = tf.tensor(values, [10, 100])
    let want = [...values]
    await held()
    let after: Held | undefined
    for (let i = 0; i < 20; i++) {
      const u = tf.mul(t, 0.5)
      const x = fromTfjs(u)
      const y = f(x)
      const next = await toTfjs(y)
      tf.dispose([t, u])
      dispose([x, y])
      t = next
      want = want.map((v) => Math.fround(Math.fround(Math.fround(v * 0.5) * 2) + 1))
      if (i === 3) after = await held()
    }
    expect(await held()).toEqual(after)
    expect([...(await t.data())]).toEqual(want)
    t.dispose()
  })

  it('exchanges integers, bools, expressions and what is on the host', async () => {
    await shareDevice()
    expect(await readIntegers(fromTfjs(tf.greater(tf.tensor([1, 2, 3]), 1.5)))).toEqual(Uint8Array.of(0, 1, 1))
    expect(await readIntegers(fromTfjs(tf.tensor([1, -2], [2], 'int32')))).toEqual(Int32Array.of(1, -2))
    expect([...(await (await toTfjs(tensor([1, 0, 1], [3], 'bool'))).data())]).toEqual([1, 0, 1])
    expect([...(await (await toTfjs(tensor([1, 2]).add(1))).data())]).toEqual([2, 3])
    await expect(toTfjs(tensor([1], [1], 'u32'))).rejects.toThrow('toTfjs: u32 has no counterpart')
    expect(() => fromTfjs(tf.complex([1], [2]))).toThrow('fromTfjs: complex64 has no counterpart')
  })

  it('is on the next device after a loss', async () => {
    await shareDevice()
    ;(await started()).device().gpu.destroy()
    await settle()
    await shareDevice()
    const t = tf.add(tf.tensor([1, 2]), 1)
    expect(await read(compile((x: Tensor) => x.mul(3), on)(fromTfjs(t)))).toEqual(Float32Array.of(6, 9))
  })
})
