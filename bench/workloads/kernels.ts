/** K: kernels by themselves, each a chain whose links differ in nothing. */
import { attention, conv2d, fromStorage, groupNorm, silu, type Tensor } from 'diffold'
import { work, type Extent, type Store, type Work } from './work.ts'

/** An array that a kernel needs: normals of this deviation. */
export type Numbers = { readonly name: string; readonly shape: readonly number[]; readonly deviation: number }

/** A kernel: what flows through it, what it holds, one link of the chain. */
export type Kernel = {
  readonly id: string
  readonly title: string
  readonly family: 'matmul' | 'convolution' | 'attention' | 'normalisation' | 'small'
  readonly input: Numbers
  readonly weights: readonly Numbers[]
  readonly links: number
  readonly link: (x: Tensor, weights: readonly Tensor[]) => Tensor
}

const matmul = (m: number, k: number, links: number): Kernel => ({
  id: `matmul-${m}x${k}x${k}`,
  title: `matmul ${m}×${k}×${k}`,
  family: 'matmul',
  input: { name: `x-${m}x${k}`, shape: [m, k], deviation: 1 },
  weights: [{ name: `w-${k}x${k}`, shape: [k, k], deviation: 1 / Math.sqrt(k) }],
  links,
  link: (x, [w]) => x.dot(w!),
})

const convolution = (channels: number, size: number, links: number): Kernel => ({
  id: `conv3x3-${channels}@${size}`,
  title: `conv 3×3 ${channels}→${channels} at ${size}²`,
  family: 'convolution',
  input: { name: `image-${channels}x${size}`, shape: [1, channels, size, size], deviation: 1 },
  weights: [
    {
      name: `filter-${channels}`,
      shape: [channels, channels, 3, 3],
      deviation: 1 / Math.sqrt(9 * channels),
    },
  ],
  links,
  link: (x, [weight]) => conv2d({ weight: weight! }, { padding: 1 })(x),
})

const attending = (tokens: number, heads: number, width: number): Kernel => ({
  id: `attention-${tokens}x${heads}x${width}`,
  title: `attention ${tokens} tokens × ${heads} × ${width}`,
  family: 'attention',
  input: { name: `q-${tokens}x${heads}x${width}`, shape: [1, heads, tokens, width], deviation: 1 },
  weights: ['k', 'v'].map((name) => ({
    name: `${name}-${tokens}x${heads}x${width}`,
    shape: [1, heads, tokens, width],
    deviation: 1,
  })),
  links: 1,
  link: (q, [k, v]) => attention(q, k!, v!),
})

const normalising: Kernel = {
  id: 'groupnorm-silu-320@64',
  title: 'GroupNorm + SiLU [1, 320, 64, 64]',
  family: 'normalisation',
  input: { name: 'image-320x64', shape: [1, 320, 64, 64], deviation: 1 },
  weights: [
    { name: 'gain-320', shape: [320], deviation: 1 },
    { name: 'shift-320', shape: [320], deviation: 0.1 },
  ],
  // More would magnify roundings: after 16, peers differ by 5·10⁻⁴.
  links: 8,
  link: (x, [weight, bias]) => silu(groupNorm({ weight: weight!, bias: bias! }, { groups: 32 })(x)),
}

/** tanh(x·w + b): nothing joins two of them, and the numbers neither grow nor vanish. */
const small = (id: string, title: string, rows: number, links: number): Kernel => ({
  id,
  title,
  family: 'small',
  input: { name: `x-${rows}x8`, shape: [rows, 8], deviation: 1 },
  weights: [
    { name: 'w-8x8-half', shape: [8, 8], deviation: 0.5 / Math.sqrt(8) },
    { name: 'b-8', shape: [8], deviation: 1 },
  ],
  links,
  link: (x, [w, b]) => x.dot(w!).add(b!).tanh(),
})

/** Kernels that wait for each other, each a thousand operations: what one costs beside its work. */
export const chainOfSmall = small('small-8x8x8', '256 dependent tanh(x·w + b) of 8×8, one', 8, 256)

/** The work of all of them as one kernel. */
export const sameInOne = small('small-2048x8x8', 'tanh(x·w + b) of 2048×8', 2048, 1)

/** How many links a kernel is run with: in the shorter chain one, but where the chain is what is measured. */
export const linksOf = (kernel: Kernel, chained: boolean): number =>
  chained || kernel.family === 'small' ? kernel.links : 1

/** Small ones besides, for adapters that take seconds over the others. */
export const kernels: readonly Kernel[] = [
  matmul(1024, 1024, 4),
  matmul(4096, 320, 8),
  convolution(320, 64, 3),
  convolution(64, 64, 4),
  attending(4096, 8, 40),
  attending(1024, 8, 40),
  normalising,
  chainOfSmall,
  sameInOne,
]

/** The arrays of a kernel. */
export const numbersOf = ({ input, weights }: Kernel): readonly Numbers[] => [input, ...weights]

/** A kernel as a fold of one step. The weights are constants, as they are in a model. */
export const kernelWork = async (kernel: Kernel, store: Store, { chained }: Extent): Promise<Work> => {
  const array = async ({ name, shape }: Numbers): Promise<Tensor> =>
    fromStorage(await store.floats(name), shape, 'f32', name)
  const [x, ...weights] = await Promise.all(numbersOf(kernel).map(array))
  const repeats = linksOf(kernel, chained)
  return work({
    start: x!,
    inputs: [0],
    given: undefined,
    step: (h: Tensor) => Array.from({ length: repeats }).reduce<Tensor>((y) => kernel.link(y, weights), h),
    seen: (y) => y,
    repeats,
  })
}
