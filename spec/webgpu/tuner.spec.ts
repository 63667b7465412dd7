import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { compile, read } from '../../src/backend/compile.ts'
import type { Tuned, TuneOptions } from '../../src/backend/tuning.ts'
import { webgpu } from '../../src/backend/webgpu/webgpu.ts'
import type { Choose } from '../../src/backend/webgpu/steps.ts'
import { attention, conv2d, linear } from '../../src/tensor/nn.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { trace } from '../../src/tensor/trace.ts'
import { describeWebgpu, started } from './started.ts'

const numbers = (shape: readonly number[], t: number): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 0.7 + t)),
    shape,
  )

// An elementwise kernel, folds, and attention.
const f = (q: Tensor, k: Tensor): Tensor => {
  const centred = q.sub(q.mean(-1))
  return attention(centred.mul(1.5).tanh(), k, k.add(centred.sum(-2, -1)))
}
const args: [Tensor, Tensor] = [numbers([2, 2, 40, 16], 0), numbers([2, 2, 24, 16], 1)]

const near = (a: Float32Array, b: Float32Array): number => a.reduce((m, x, i) => Math.max(m, Math.abs(x - b[i]!)), 0)

describeWebgpu('the tuner', () => {
  let folder: string
  beforeAll(async () => {
    await started()
    folder = await mkdtemp(join(tmpdir(), 'diffold-tuning-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** A fresh backend has a fresh device, and knows what is written down. */
  const run = async (tune: boolean | TuneOptions): Promise<Float32Array> => {
    const on = await webgpu()
    const graph = trace(f, args).graph
    const executable = on.prepare(graph, { tune })
    const operands = args.map((a) => ({ data: hostOf(a), shape: a.shape, dtype: 'f32' as const }))
    const [value] = await executable.run(operands)
    const out = (await value!.read()) as Float32Array
    value!.dispose()
    executable.dispose()
    on.device().gpu.destroy()
    return out
  }
  const hostOf = (a: Tensor): Float32Array => {
    const { node } = a
    if (node._tag !== 'Buffer' || node.source._tag !== 'Host') throw new Error('no values')
    return node.source.data as Float32Array
  }
  const telling = (options: TuneOptions): { readonly options: TuneOptions; readonly news: Tuned[] } => {
    const news: Tuned[] = []
    return { news, options: { ...options, progress: (n) => news.push(n) } }
  }

  it('leaves results as they are, measures once, and remembers', async () => {
    const plain = await run(false)
    const first = telling({ cache: folder, budget: 60_000 })
    expect(near(await run(first.options), plain)).toBeLessThan(1e-5)
    expect(first.news.length).toBeGreaterThan(3)
    expect(first.news.every((n) => n._tag === 'Measured' && n.ms >= 0 && n.total === first.news.length)).toBe(true)
    const second = telling({ cache: folder, budget: 60_000 })
    expect(near(await run(second.options), plain)).toBeLessThan(1e-5)
    expect(second.news).toEqual([])
  })

  it('gives the same results whatever it chooses', async () => {
    const plain = await run(false)
    const operands = args.map((a) => ({ data: hostOf(a), shape: a.shape, dtype: 'f32' as const }))
    for (let i = 1; i < 6; i++) {
      const choose: Choose = (_, variants) => variants[i % variants.length]!
      const on = await webgpu({ choose })
      const [value] = await on.prepare(trace(f, args).graph).run(operands)
      expect(near((await value!.read()) as Float32Array, plain)).toBeLessThan(1e-5)
      on.device().gpu.destroy()
    }
  })

  it('stops when its time is over', async () => {
    const { options, news } = telling({ cache: false, budget: 0 })
    await run(options)
    expect(news).toEqual([])
  })

  it('does not use what is damaged or of another adapter, and says why', async () => {
    const [name] = await readdir(folder)
    const file = join(folder, name!)
    const whole = await readFile(file, 'utf8')
    const damaged = [
      ['corrupt', whole.slice(0, 50)],
      ['corrupt', whole.replace(/:[\d.e-]+\}/, ':"fast"}')],
      ['foreign', whole.replace(/"adapter":"/, '"adapter":"another ')],
      ['foreign', whole.replace('tuning 1', 'tuning 0')],
    ] as const
    for (const [reason, text] of damaged) {
      await writeFile(file, text)
      const { options, news } = telling({ cache: folder, budget: 0 })
      await run(options)
      expect(news).toEqual([expect.objectContaining({ _tag: 'Ignored', reason, where: file })])
    }
  })

  it('goes on where nothing can be written', async () => {
    const file = join(folder, 'a-file')
    await writeFile(file, '')
    const { options, news } = telling({ cache: file, budget: 60_000 })
    await run(options)
    expect(news.at(-1)).toMatchObject({ _tag: 'Unsaved' })
    expect(news[0]).toMatchObject({ _tag: 'Ignored', reason: 'unreadable' })
  })

  it('is asked for by compile', async () => {
    const { options, news } = telling({ cache: false, budget: 60_000 })
    const step = compile(f, { backend: 'webgpu', tune: options })
    const tuned = await read(step(...args))
    expect(near(tuned, await read(compile(f, { backend: 'webgpu' })(...args)))).toBeLessThan(1e-5)
    expect(news.length).toBeGreaterThan(0)
  })

  /** What a function of one tensor gives, how large it gets, and what is told. */
  const tuned = async (g: (x: Tensor) => Tensor, x: Tensor, options: TuneOptions) => {
    const once = async (tune: boolean | TuneOptions): Promise<Float32Array> => {
      const on = await webgpu()
      const executable = on.prepare(trace(g, [x]).graph, { tune })
      const [value] = await executable.run([{ data: hostOf(x), shape: x.shape, dtype: 'f32' }])
      const out = (await value!.read()) as Float32Array
      value!.dispose()
      executable.dispose()
      on.device().gpu.destroy()
      return out
    }
    const told = telling(options)
    const [plain, got] = [await once(false), await once(told.options)]
    expect(near(got, plain) / plain.reduce((m, v) => Math.max(m, Math.abs(v)), 0)).toBeLessThan(1e-4)
    return told.news.filter((n) => n._tag === 'Measured')
  }

  it('chooses for products, tiles in workgroup memory among them', async () => {
    const weight = numbers([40, 32], 2)
    const own = await mkdtemp(join(folder, 'products-'))
    const how = { cache: own, budget: 60_000 }
    const g = (x: Tensor): Tensor => linear({ weight })(x).gelu()
    const news = await tuned(g, numbers([64, 32], 4), how)
    expect(news.some((n) => n.variant.includes('"way":"shared"'))).toBe(true)
    expect(await tuned(g, numbers([64, 32], 4), how)).toEqual([])
  }, 60_000)

  it("decides between a convolution and Winograd's algorithm, and remembers", async () => {
    const weight = numbers([64, 64, 3, 3], 3)
    const own = await mkdtemp(join(folder, 'convolutions-'))
    const g = (x: Tensor): Tensor => conv2d({ weight }, { padding: 1 })(x).silu()
    const x = numbers([1, 64, 64, 64], 4)
    const news = await tuned(g, x, { cache: own, budget: 60_000 })
    expect(news.slice(0, 2).map((n) => `${n.label}: ${n.variant}`)).toEqual([
      'conv 3 × 3, 64 → 64, of 1 × 64 × 64: winograd 4',
      'conv 3 × 3, 64 → 64, of 1 × 64 × 64: direct',
    ])
    const more = await tuned(g, x, { cache: own, budget: 1 })
    expect(more.every((n) => !n.label.startsWith('conv 3 × 3'))).toBe(true)
    expect(more.every((n) => n.total === news.at(-1)!.total - news.length)).toBe(true)
  }, 60_000)
})
