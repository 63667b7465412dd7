import { expect, it } from 'vitest'
import { compile, counts, dispose, profile, read } from '../../src/backend/compile.ts'
import { explain } from '../../src/backend/explain.ts'
import { onCompiled, type Compiled } from '../../src/backend/progress.ts'
import { full, tensor, type Scalar, type Tensor } from '../../src/tensor/tensor.ts'
import { describeWebgpu, on, settle, started } from './started.ts'

const shape = [1, 8, 4, 4]
const picture = (t: number): Tensor =>
  tensor(
    Float32Array.from({ length: 128 }, (_, i) => Math.sin(i + t)),
    shape,
  )

type State = { readonly x: Tensor; readonly last: Tensor }
const step = ({ x, last }: State, t: Scalar, weight: Scalar): State => {
  const centred = x.sub(x.mean(-1))
  return { x: centred.mul(weight).add(last.mul(t)), last: x }
}

describeWebgpu('a program on WebGPU', () => {
  it('runs a thousand times with one write, one pass and one submission each, and nothing new after the first', async () => {
    const gpu = await started()
    const f = compile(step, on)
    const before = counts.traces
    const first = { x: picture(0), last: picture(1) }
    let state = f(first, 0.1, 0.5)
    await read(state.x)
    await settle()
    const [start, memory] = [{ ...gpu.device().counts }, gpu.memory()]
    const kernels = await explain(step, on)(first, 0.1, 0.5)
    for (let i = 1; i <= 1000; i++) {
      const next = f(state, i / 1000, 0.5)
      dispose(state)
      state = next
    }
    await read(state.x)
    await settle()
    const now = gpu.device().counts
    const every = kernels.program.split('\n').filter((l) => / = /.test(l)).length
    expect(now.dispatches - start.dispatches).toBe(1000 * every)
    expect(now.submits - start.submits).toBe(1000 + 1) // and one to read
    expect(now.writes - start.writes).toBe(1000)
    expect(now.bytesWritten - start.bytesWritten).toBe(1000 * 8) // two numbers
    expect(now.reads - start.reads).toBe(1)
    expect(now.bytesRead - start.bytesRead).toBe(4 * 128)
    expect(now.buffers).toBe(start.buffers)
    expect(now.bindGroups).toBe(start.bindGroups)
    expect(now.pipelines).toBe(start.pipelines)
    expect(gpu.memory()).toEqual(memory)
    expect(counts.traces - before).toBe(1)
    dispose(state)
  })

  it('keeps what it needs of the host once, shares it with other programs, and frees it with the last', async () => {
    const gpu = await started()
    const weight = full([256, 128], 2)
    const f = compile((x: Tensor) => x.mul(weight.add(0)), on)
    const g = compile((x: Tensor) => x.add(weight.add(0)).mul(0.5), on)
    const run = async (h: (x: Tensor) => Tensor): Promise<number> => {
      const start = gpu.device().counts.bytesWritten
      const y = h(tensor([1]))
      await read(y)
      dispose(y)
      return gpu.device().counts.bytesWritten - start
    }
    expect(await run(f)).toBeGreaterThanOrEqual(0)
    expect(await run(f)).toBe(4)
    expect(await run(g)).toBe(4)
  })

  it('tells of every kernel that it compiles', async () => {
    const news: Compiled[] = []
    const end = onCompiled((n) => void news.push(n))
    try {
      const y = compile(
        (x: Tensor) => x.mul(3).sub(7).div(11).sum(0),
        on,
      )(
        tensor(
          [
            [1, 2, 3],
            [4, 5, 6],
          ].flat(),
          [2, 3],
        ),
      )
      expect([...(await read(y))]).toHaveLength(3)
      dispose(y)
    } finally {
      end()
    }
    expect(news.length).toBeGreaterThan(0)
    expect(news.map((n) => n.done)).toEqual(news.map((_, i) => i + 1))
    expect(new Set(news.map((n) => n.total))).toEqual(new Set([news.length]))
  })

  it('tells how long each kernel takes, by the labels of its listing, and shows its code', async () => {
    const args = [{ x: picture(0), last: picture(1) }, 0.1, 0.5] as const
    const times = await profile(step, on)(...args)
    const { program, code } = await explain(step, on)(...args)
    expect(times.length).toBeGreaterThan(1)
    for (const { label, ms } of times) {
      expect(program).toContain(label)
      expect(ms).toBeGreaterThanOrEqual(0)
    }
    expect(code).toContain('@compute')
  })

  it('has read what is disposed while it is read', async () => {
    const f = compile((x: Tensor) => x.mul(2), on)
    const y = f(tensor([1, 2]))
    const reading = read(y)
    dispose(y)
    f(tensor([5, 6])) // which takes the place of what was disposed
    expect(await reading).toEqual(Float32Array.of(2, 4))
    await expect(read(y)).rejects.toThrow('disposed')
  })
})
