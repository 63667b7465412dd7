/** Recorded random streams: cpu bit for bit, other kernels and emulations within what rng.md documents of them. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { existsSync } from 'node:fs'
import { cudaSeed, generatorOf, seed, type DrawType, type Generator } from '../../src/random/generator.ts'
import { mersenneTwister } from '../../src/random/mersenne-twister.ts'
import { philoxGenerator } from '../../src/random/philox.ts'
import { noise } from '../../src/tensor/noise.ts'
import { valuesOf } from '../support/host.ts'
import { compared, largest, type Check } from './result.ts'
import { readRecording, type Recorded } from './safetensors.ts'

type Call = { readonly fn: 'randn' | 'rand' | 'randint'; readonly shape: number[]; readonly dtype: string; readonly low?: number; readonly high?: number }
type Case = { readonly id: string; readonly seed: number | string; readonly calls: readonly Call[]; readonly keys: readonly string[] }

const types: Readonly<Record<string, DrawType>> = { float32: 'f32', float64: 'f64', float16: 'f16', bfloat16: 'bf16' }
// A float64 normal is made of the C library's log, sin and cos, which JavaScript's meet within an ulp or two.
const tolerances: Readonly<Record<string, number>> = { float64: 4e-15 }

const draw = (g: Generator, c: Call): ArrayLike<number> => {
  if (c.fn === 'randint') return Float64Array.from(g.randint(c.low!, c.high!, c.shape), Number)
  return g[c.fn](c.shape, { dtype: types[c.dtype]! })
}

const json = async <T>(path: string): Promise<T> => {
  // Seeds exceed what a double holds: keep long integers as text.
  const text = (await readFile(path, 'utf8')).replace(/("seed"\s*:\s*)(-?\d{15,})/g, '$1"$2"')
  return JSON.parse(text) as T
}

const cpu = async (dir: string): Promise<Check[]> => {
  const { cases } = await json<{ cases: readonly Case[] }>(join(dir, 'cpu.json'))
  const recorded = await readRecording(join(dir, 'cpu.safetensors'))
  return cases.flatMap((c) => {
    const generator = generatorOf(seed(BigInt(c.seed)))
    return c.calls.map((call, i) => {
      const name = `rng/cpu ${c.id}.${i} ${call.fn} ${call.dtype} [${call.shape}] seed ${c.seed}`
      const tolerance = call.fn === 'randn' ? (tolerances[call.dtype] ?? 0) : 0
      return compared(name, largest(draw(generator, call), recorded.get(c.keys[i]!)!.values), tolerance)
    })
  })
}

type Extra = { readonly seed: number; readonly seeds_of_list: readonly number[] }
const extra = async (dir: string): Promise<Check[]> => {
  const info = await json<Extra>(join(dir, 'extra.json'))
  const recorded = await readRecording(join(dir, 'extra.safetensors'))
  const fresh = (): Generator => generatorOf(seed(info.seed))
  const affine = (x: ArrayLike<number>, scale: number, shift: number): Float32Array =>
    Float32Array.from(x, (v) => Math.fround(Math.fround(v * scale) + shift))
  const makers: readonly (readonly [RegExp, (shape: number[], all: Recorded) => ArrayLike<number>, number])[] = [
    [/^raw32$/, ([n]) => { const words = mersenneTwister(BigInt(info.seed)); return Float64Array.from({ length: n! }, () => words.next()) }, 0],
    [/^randperm/, ([n]) => Float64Array.from(fresh().randperm(n!), Number), 0],
    [/^transposed_layout/, (shape) => transposed(fresh().randn([...shape].reverse(), { contiguous: false }), shape), 0],
    [/^randn_tensor_list/, (shape) => valuesOf(noise(info.seeds_of_list.map((s) => seed(s)), shape).head), 0],
    [/^randn_tensor_one/, (shape) => valuesOf(noise(seed(info.seed), shape).head), 0],
  ]
  const single = [...recorded].flatMap(([name, r]) => {
    const maker = makers.find(([pattern]) => pattern.test(name))
    return maker === undefined ? [] : [compared(`rng/extra ${name}`, largest(maker[1]([...r.shape], r), r.values), maker[2])]
  })
  // normal_(2, 3) of 20, then normal_(2, 3) of 5 and uniform_(−1, 1) of 9 on the same generator.
  const chain = fresh()
  const chained = (['normal_mean2_std3.n20', 'then_normal_mean2_std3.n5', 'then_uniform_-1_1.n9'] as const).flatMap((name) => {
    const r = recorded.get(name)
    if (r === undefined) return []
    const got = name.includes('uniform')
      ? affine(chain.rand(r.shape), 2, -1)
      : r.values.length < 16 ? Float32Array.from(chain.randn(r.shape, { dtype: 'f64' }), (v) => v * 3 + 2) : affine(chain.randn(r.shape), 3, 2)
    return [compared(`rng/extra ${name}`, largest(got, r.values), 1e-6)]
  })
  return [...single, ...chained]
}

const transposed = (x: ArrayLike<number>, [rows, columns]: number[]): number[] =>
  Array.from({ length: rows! * columns! }, (_, i) => x[(i % columns!) * rows! + Math.floor(i / columns!)]!)

const plain = async (dir: string): Promise<Check[]> =>
  [...(await readRecording(join(dir, 'cpu_default_capability.safetensors')))].map(([key, r]) => {
    const [, s, fn] = /^seed(-?\d+)\.(\w+)\./.exec(key)!
    const got = generatorOf(seed(BigInt(s!)))[fn as 'randn'](r.shape)
    return compared(`rng/cpu_default_capability ${key}`, largest(got, r.values), 3e-6)
  })

type Cuda = { readonly cases: readonly { readonly key: string; readonly seed: number | string; readonly shape: number[]; readonly sm_count?: number }[] }
const cuda = async (dir: string): Promise<Check[]> => {
  const { cases } = await json<Cuda>(join(dir, 'cuda_emulated.json'))
  const recorded = await readRecording(join(dir, 'cuda_emulated.safetensors'))
  const generators = new Map<string, Generator>()
  return cases.map((c) => {
    const stream = c.key.split('.')[0]!
    const one = stream.startsWith('one_sm') || c.sm_count === 1
    const made = generators.get(stream) ?? (one ? philoxGenerator(cudaSeed(BigInt(c.seed)).value, { multiprocessors: 1 }) : generatorOf(cudaSeed(BigInt(c.seed))))
    generators.set(stream, made)
    return compared(`rng/cuda ${c.key} [${c.shape}]`, largest(made.randn(c.shape), recorded.get(c.key)!.values), 3e-6)
  })
}

/** Every recorded stream of a directory laid out like reference/open/rng. */
export const checkRng = async (dir: string): Promise<readonly Check[]> => {
  const parts = [['cpu.json', cpu], ['extra.json', extra], ['cpu_default_capability.safetensors', plain], ['cuda_emulated.json', cuda]] as const
  const found = await Promise.all(
    parts.map(([file, check]): Promise<Check[]> =>
      existsSync(join(dir, file)) ? check(dir) : Promise.resolve([{ name: `rng/${file}`, error: NaN, tolerance: 0, pass: true, skipped: 'not in this directory' }]),
    ),
  )
  return found.flat()
}
