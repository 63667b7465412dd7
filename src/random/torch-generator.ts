/** torch's generator on the CPU: what `torch.Generator().manual_seed(n)` draws, bit for bit. */
import { fromBrain, fromHalf, toBrain, toHalf } from '../core/dtype.ts'
import { size } from '../core/shape.ts'
import { log32, pair, sincos32 } from './float32-math.ts'
import type { RandomOptions, DrawType, Generator } from './draw.ts'
import { mersenneTwister, type Words } from './mersenne-twister.ts'

const f = Math.fround
const tau32 = f(2 * Math.PI)

/** Rounds to the drawn type. Narrow types go by way of float32, as torch's do. */
const rounders: { readonly [K in DrawType]: (x: number) => number } = {
  f64: (x) => x,
  f32: f,
  f16: (x) => fromHalf(toHalf(f(x))),
  bf16: (x) => fromBrain(toBrain(f(x))),
}

const uniform32 = (words: Words): number => (words.next() & 0xffffff) * 2 ** -24
const uniform64 = (words: Words): number => {
  const high = words.next() & 0x1fffff // 53 bits of the two words, the first of which is the high one
  return (high * 2 ** 32 + words.next()) * 2 ** -53
}
const word64 = (words: Words): bigint => {
  const high = words.next()
  return (BigInt(high) << 32n) | BigInt(words.next())
}

/** Sixteen uniforms at `at` become normals: lane j pairs with lane j + 8. Box & Muller 1958. */
const normals32 = (d: Float32Array, at: number): void => {
  for (let j = at; j < at + 8; j++) {
    const radius = f(Math.sqrt(f(-2 * log32(f(1 - d[j]!)))))
    sincos32(f(tau32 * d[j + 8]!))
    d[j] = radius * pair.cos
    d[j + 8] = radius * pair.sin
  }
}
const normals64 = (d: Float64Array, at: number): void => {
  for (let j = at; j < at + 8; j++) {
    const radius = Math.sqrt(-2 * Math.log(1 - d[j]!))
    const theta = 2 * Math.PI * d[j + 8]!
    d[j] = radius * Math.cos(theta)
    d[j + 8] = radius * Math.sin(theta)
  }
}

const blocks = <A extends Float32Array | Float64Array>(
  out: A,
  uniform: () => number,
  normals: (d: A, at: number) => void,
  ragged: 'first' | 'last',
): A => {
  const n = out.length
  const full = n - (n % 16)
  // float32 and float64 draw uniforms for the ragged end too, and throw them away; the 16-bit kernels do not.
  for (let i = 0; i < (ragged === 'first' ? n : full); i++) out[i] = uniform()
  for (let at = 0; at < full; at += 16) normals(out, at)
  if (full < n) {
    for (let i = n - 16; i < n; i++) out[i] = uniform()
    normals(out, n - 16)
  }
  return out
}

const from = (words: Words, kept: number | undefined): Generator => {
  let spare = kept

  /** One normal in float64; the second of its pair is kept for the next, whatever is drawn between. */
  const scalar = (): number => {
    if (spare !== undefined) {
      const x = spare
      spare = undefined
      return x
    }
    const u1 = uniform64(words)
    const radius = Math.sqrt(-2 * Math.log1p(-uniform64(words)))
    const theta = 2 * Math.PI * u1
    spare = radius * Math.sin(theta)
    return radius * Math.cos(theta)
  }

  const fill = (n: number, dtype: DrawType, draw: () => number): Float32Array | Float64Array => {
    const out = dtype === 'f64' ? new Float64Array(n) : new Float32Array(n)
    const round = rounders[dtype]
    for (let i = 0; i < n; i++) out[i] = round(draw())
    return out
  }

  const randn: Generator['randn'] = (shape, { dtype = 'f32', contiguous = true }: RandomOptions = {}) => {
    const n = size(shape)
    if (n < 16 || !contiguous) return fill(n, dtype, scalar)
    if (dtype === 'f64') return blocks(new Float64Array(n), () => uniform64(words), normals64, 'first')
    const out = blocks(new Float32Array(n), () => uniform32(words), normals32, dtype === 'f32' ? 'first' : 'last')
    return dtype === 'f32' ? out : out.map(rounders[dtype])
  }

  const rand: Generator['rand'] = (shape, { dtype = 'f32' }: RandomOptions = {}) => {
    const n = size(shape)
    if (dtype === 'f64') return fill(n, dtype, () => uniform64(words))
    const out = fill(n, dtype, () => uniform32(words))
    // Rounding to 16 bits may reach 1, which is outside: torch makes it 0.
    return dtype === 'f32' ? out : out.map((u) => (u === 1 ? 0 : u))
  }

  const randint: Generator['randint'] = (low, high, shape) => {
    const span = BigInt(high) - BigInt(low)
    const draw =
      span >= 1n << 28n ? (): bigint => word64(words) % span : (): bigint => BigInt(words.next() % Number(span))
    return BigInt64Array.from({ length: size(shape) }, () => draw() + BigInt(low))
  }

  const randperm: Generator['randperm'] = (n) => {
    const out = BigInt64Array.from({ length: n }, (_, i) => BigInt(i))
    for (let i = 0; i < n - 1; i++) {
      const j = i + (words.next() % (n - i))
      const x = out[i]!
      out[i] = out[j]!
      out[j] = x
    }
    return out
  }

  return { randn, rand, randint, randperm, clone: () => from(words.clone(), spare) }
}

/** The generator of `torch.Generator().manual_seed(seed)`. */
export const torchGenerator = (seed: bigint): Generator => from(mersenneTwister(seed), undefined)
