import { describe, expect, it } from 'vitest'
import { backend } from '../../src/backend/select.ts'
import { compile, counts, dispose, read, readIntegers } from '../../src/backend/compile.ts'
import { groupNorm, linear, softmax } from '../../src/tensor/nn.ts'
import { noiseOf, type Noise } from '../../src/tensor/noise.ts'
import { full, iota, tensor, type Scalar, type Tensor } from '../../src/tensor/tensor.ts'

describe('compile(f) means f', () => {
  it('with tensors, numbers and nested records', async () => {
    const f = (p: { readonly w: Tensor; readonly gain: Scalar }, xs: readonly Tensor[]) => ({
      sum: xs[0]!.add(xs[1]!).mul(p.gain),
      first: [xs[0]!.mul(p.w)],
    })
    const args = [{ w: tensor([2, 3]), gain: 0.5 }, [tensor([1, 2]), tensor([3, 4])]] as const
    const [plain, compiled] = [f(...args), compile(f)(...args)]
    expect(await read(compiled.sum)).toEqual(await read(plain.sum))
    expect(await read(compiled.first[0]!)).toEqual(await read(plain.first[0]!))
  })

  it('traces once for every number, and again for another shape', async () => {
    const f = compile((x: Tensor, t: Scalar) => x.mul(t).add(1))
    const before = counts.traces
    for (let t = 0; t < 20; t++) expect(await read(f(tensor([1, 2]), t))).toEqual(Float32Array.of(t + 1, 2 * t + 1))
    expect(counts.traces - before).toBe(1)
    await read(f(tensor([1, 2, 3]), 0))
    expect(counts.traces - before).toBe(2)
  })

  it('takes static values as part of the program', async () => {
    const f = compile((x: Tensor, o: { readonly twice: boolean }) => (o.twice ? x.mul(2) : x))
    expect(await read(f(tensor([3]), { twice: true }))).toEqual(Float32Array.of(6))
    expect(await read(f(tensor([3]), { twice: false }))).toEqual(Float32Array.of(3))
  })

  it('reads as many draws from a stream as the function takes, and gives back the rest', async () => {
    const stream = noiseOf([1, 10, 100, 1000].map((v) => tensor([v])))
    const f = compile((s: { readonly x: Tensor; readonly noise: Noise }) => ({
      x: s.x.add(s.noise.head).add(s.noise.next.head),
      noise: s.noise.next.next,
    }))
    const once = f({ x: tensor([0]), noise: stream })
    expect(await read(f(once).x)).toEqual(Float32Array.of(1111))
  })

  it('gives integers and bools as they are', async () => {
    const f = compile((x: Tensor) => ({ big: x.gt(1), at: iota(3).add(1) }))
    const { big, at } = f(tensor([0, 1, 2]))
    expect(await readIntegers(big)).toEqual(Uint8Array.of(0, 0, 1))
    expect(await readIntegers(at)).toEqual(Int32Array.of(1, 2, 3))
    await expect(read(at)).rejects.toThrow('read: i32 is no float')
  })

  it('says what went wrong to whoever reads the result, on every backend', async () => {
    const x = compile((a: Tensor) => a.add(1), { backend: 'wasm' })(tensor([1]))
    dispose(x)
    await expect(read(x)).rejects.toThrow('disposed')
    await expect(read(x.mul(2))).rejects.toThrow('disposed')
  })

  it('throws a bad program on the line that wrote it, naming the parameter', () => {
    const weight = tensor([1, 2, 3], [1, 3], 'f32', 'down_blocks.1.resnets.0.time_emb_proj.weight')
    expect(() => compile((x: Tensor) => linear({ weight })(x))(tensor([1, 2]))).toThrow(
      'linear: [2] and [1, 3] do not multiply (parameters: down_blocks.1.resnets.0.time_emb_proj.weight)',
    )
  })
})

describe.each(['wasm', 'tfjs-wasm', 'tfjs-cpu'] as const)('memory on %s', (name) => {
  it('is after a hundred runs what it was after the first', async () => {
    const weights = { weight: full([8], 2).add(0), bias: full([8], 1).add(0) }
    const f = compile(
      (x: Tensor, t: Scalar) =>
        softmax(-1)(groupNorm(weights, { groups: 4 })(x.mul(t)).silu()).add(x.permute(0, 1, 3, 2)),
      { backend: name },
    )
    const device = await backend(name)
    const run = async (t: number): Promise<void> => {
      const y = f(
        tensor(
          Float32Array.from({ length: 128 }, (_, i) => Math.sin(i)),
          [1, 8, 4, 4],
        ),
        t,
      )
      await read(y)
      dispose(y)
      await read(f(tensor([1], [1, 1, 1, 1]).expand(1, 8, 4, 4), 1).sum()) // and one whose input is an expression
    }
    const settle = async (): Promise<{ values: number; bytes: number }> => {
      for (let i = 0; i < 5; i++) await read(tensor([0]).add(1)) // let the queue reach the disposals
      return device.memory()
    }
    await run(1)
    dispose(f(tensor([1], [1, 1, 1, 1]).expand(1, 8, 4, 4), 1))
    const after = await settle()
    for (let t = 0; t < 100; t++) {
      const y = f(full([1, 8, 4, 4], t), t)
      await read(y)
      dispose(y)
    }
    expect(await settle()).toEqual(after)
  })
})
