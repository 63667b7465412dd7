/**
 * torch's generator on CUDA: Philox4x32-10, Salmon et al. 2011, laid out over threads as torch's kernel does. Emulated after the
 * published algorithm; a GPU's own log, sin and cos differ from ours by some ulps.
 */
import { size } from '../core/shape.ts'
import { ConfigError } from '../errors.ts'
import type { Generator } from './draw.ts'

const f = Math.fround
const [m0, m1] = [0xd2511f53, 0xcd9e8d57]
const [w0, w1] = [0x9e3779b9, 0xbb67ae85]

const highWord = (a: number, b: number): number => {
  const [al, ah, bl, bh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16]
  const middle = ah * bl + ((al * bl) >>> 16)
  return (ah * bh + Math.floor(middle / 65536) + ((middle & 0xffff) + al * bh) / 65536) >>> 0
}

/** Four words from a counter of four and a key of two: ten rounds. */
export const philox = (counter: Uint32Array, key: readonly [number, number], out: Uint32Array): void => {
  let [a, b, c, d] = [counter[0]!, counter[1]!, counter[2]!, counter[3]!]
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const [h0, l0] = [highWord(m0, a), Math.imul(m0, a) >>> 0]
    const [h1, l1] = [highWord(m1, c), Math.imul(m1, c) >>> 0]
    a = (h1 ^ b ^ k0) >>> 0
    b = l1
    c = (h0 ^ d ^ k1) >>> 0
    d = l0
    k0 = (k0 + w0) >>> 0
    k1 = (k1 + w1) >>> 0
  }
  out[0] = a
  out[1] = b
  out[2] = c
  out[3] = d
}

/** The GPU whose launch grid is emulated: the layout of large draws depends on it. */
export type Grid = { readonly multiprocessors?: number; readonly threadsPerMultiprocessor?: number }

const inverse = f(2.3283064e-10)
const inverseTau = f(2.3283064e-10 * 6.2831855)
const normals = (x: number, y: number): readonly [number, number] => {
  const u = f(f(x) * inverse + f(inverse / 2))
  const v = f(f(y) * inverseTau + f(inverseTau / 2))
  const radius = f(Math.sqrt(f(-2 * f(Math.log(u)))))
  return [f(radius * f(Math.sin(v))), f(radius * f(Math.cos(v)))]
}

const refuse = (what: string) => (): never => {
  throw new ConfigError('seed', `torch-cuda ${what}`, ['randn'], 'is not emulated')
}

/** The generator of `torch.Generator('cuda').manual_seed(seed)`, for float32 normals; the whole 64-bit seed counts. */
export const philoxGenerator = (seed: bigint, grid: Grid = {}, start = 0): Generator => {
  const { multiprocessors = 108, threadsPerMultiprocessor = 2048 } = grid
  const most = multiprocessors * Math.floor(threadsPerMultiprocessor / 256)
  const key = [Number(seed & 0xffffffffn), Number(seed >> 32n)] as const
  let offset = start // in 32-bit words drawn by one thread
  return {
    randn: (shape, { dtype = 'f32' } = {}) => {
      if (dtype !== 'f32') refuse(`randn in ${dtype}`)()
      const n = size(shape)
      const threads = 256 * Math.min(most, Math.ceil(n / 256))
      const rounds = Math.ceil(n / (4 * threads))
      const out = new Float32Array(n)
      const [counter, words] = [new Uint32Array(4), new Uint32Array(4)]
      for (let round = 0; round < rounds; round++) {
        const call = offset / 4 + round
        for (let thread = 0; thread < threads && round * 4 * threads + thread < n; thread++) {
          counter[0] = call % 2 ** 32
          counter[1] = Math.floor(call / 2 ** 32)
          counter[2] = thread
          philox(counter, key, words)
          const four = [...normals(words[0]!, words[1]!), ...normals(words[2]!, words[3]!)]
          for (let i = 0; i < 4; i++) {
            const at = (round * 4 + i) * threads + thread
            if (at < n) out[at] = four[i]!
          }
        }
      }
      offset += 4 * rounds
      return out
    },
    rand: refuse('rand'),
    randint: refuse('randint'),
    randperm: refuse('randperm'),
    clone: () => philoxGenerator(seed, grid, offset),
  }
}
