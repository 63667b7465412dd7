import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  backend,
  compile,
  conditionalUnet,
  DDPM,
  explain,
  load,
  noise,
  orThrow,
  read,
  seed,
  StableDiffusion,
  unet2d,
  useThreads,
  zeros,
  type Tensor,
} from '../../src/index.ts'
import { valuesOf } from '../support/host.ts'

const shipped = (name: string): string => fileURLToPath(new URL(`../../models/${name}`, import.meta.url))
const cats = await orThrow(load(DDPM, shipped('ddpm-emoji-cat-64')))
const emoji = await orThrow(load(StableDiffusion, shipped('sd-emoji-64')))

const subjects: readonly (readonly [string, (x: Tensor) => Tensor, readonly number[]])[] = [
  ['ddpm-emoji-cat-64', (x) => unet2d(cats.unet)(x, 500), [1, 3, 64, 64]],
  [
    'sd-emoji-64',
    (x) => conditionalUnet(emoji.unet)(x, 500, { encoderHiddenStates: zeros([1, 77, 128]) }),
    [1, 4, 16, 16],
  ],
]

/** max |got − want| / max |want| against float64. */
const errorOf = (got: Float32Array, want: ArrayLike<number>): number => {
  const largest = (xs: readonly number[]): number => xs.reduce((m, v) => Math.max(m, Math.abs(v)), 0)
  return largest(Array.from(want, (w, i) => w - got[i]!)) / largest(Array.from(want))
}

describe.each(subjects)("what Winograd's algorithm costs in precision: %s", (_, f, shape) => {
  it('is lost in the rounding of everything else', async () => {
    const x = noise(seed(0), shape).head
    const want = valuesOf(f(x))
    const fast = errorOf(await read(compile(f, { backend: 'wasm' })(x)), want)
    const exact = errorOf(await read(compile(f, { backend: 'wasm', exact: true })(x)), want)
    expect(fast).toBeLessThan(3e-6)
    expect(exact).toBeLessThan(3e-6)
  })
  it('is spent by no kernel of an exact program', async () => {
    const x = noise(seed(0), shape).head
    expect((await explain(f, { backend: 'wasm' })(x)).program).toContain('winograd')
    expect((await explain(f, { backend: 'wasm', exact: true })(x)).program).not.toContain('winograd')
  })
})

describe('useThreads', () => {
  it('changes how many there are, and no bit of what they compute', async () => {
    const step = compile(subjects[0]![1], { backend: 'wasm' })
    const x = noise(seed(1), [1, 3, 64, 64]).head
    const results: Float32Array[] = []
    for (const count of [1, 3, 2, 5]) {
      useThreads(count)
      expect((await backend('wasm')).description).toContain(`${count} thread`)
      for (let i = 0; i < 2; i++) results.push(await read(step(x)))
    }
    for (const r of results) expect(Buffer.from(r.buffer).equals(Buffer.from(results[0]!.buffer))).toBe(true)
  })
  it('refuses what is no number of threads', () => {
    for (const wrong of [0, -1, 1.5, NaN]) expect(() => useThreads(wrong)).toThrow('threads')
  })
})
