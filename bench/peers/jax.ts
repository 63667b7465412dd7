/** K in jax-js, whose language has no models of ours. */
import { linksOf, numbersOf, type Kernel } from '../workloads/kernels.ts'
import type { Extent, Store } from '../workloads/work.ts'
import { folding, type Peer } from './peer.ts'

/** An array of jax-js. An operation consumes its operands; `ref` is another hold on one. */
export interface JaxArray {
  readonly ref: JaxArray
  readonly reshape: (shape: readonly number[]) => JaxArray
  readonly sub: (y: JaxArray) => JaxArray
  readonly add: (y: JaxArray | number) => JaxArray
  readonly mul: (y: JaxArray | number) => JaxArray
  readonly div: (y: JaxArray) => JaxArray
  readonly data: () => Promise<Float32Array>
}

/** As much of jax-js as is used. */
export type Jax = {
  readonly init: (...devices: string[]) => Promise<readonly string[]>
  readonly defaultDevice: (device: string) => string
  readonly jit: (f: (...xs: JaxArray[]) => JaxArray) => (...xs: JaxArray[]) => JaxArray
  readonly numpy: {
    readonly array: (values: Float32Array) => JaxArray
    readonly matmul: (x: JaxArray, y: JaxArray) => JaxArray
    readonly mean: (x: JaxArray, axis: number, options: { readonly keepdims: boolean }) => JaxArray
    readonly square: (x: JaxArray) => JaxArray
    readonly sqrt: (x: JaxArray) => JaxArray
    readonly tanh: (x: JaxArray) => JaxArray
    readonly transpose: (x: JaxArray, axes: readonly number[]) => JaxArray
  }
  readonly nn: {
    readonly silu: (x: JaxArray) => JaxArray
    readonly softmax: (x: JaxArray) => JaxArray
  }
  readonly lax: { readonly conv: (x: JaxArray, w: JaxArray, strides: readonly number[], padding: string) => JaxArray }
}

const linkOf = ({ numpy: np, nn, lax }: Jax, kernel: Kernel): ((x: JaxArray, ws: readonly JaxArray[]) => JaxArray) => {
  switch (kernel.family) {
    case 'matmul':
      return (x, [w]) => np.matmul(x, w!.ref)
    case 'convolution':
      return (x, [w]) => lax.conv(x, w!.ref, [1, 1], 'SAME')
    case 'small':
      return (x, [w, b]) => np.tanh(np.matmul(x, w!.ref).add(b!.ref))
    case 'attention': {
      // By hand: its dotProductAttention needs an iterator's `map`, which Node 20 has not.
      const scale = 1 / Math.sqrt(kernel.input.shape.at(-1)!)
      return (q, [k, v]) => np.matmul(nn.softmax(np.matmul(q, np.transpose(k!.ref, [0, 1, 3, 2])).mul(scale)), v!.ref)
    }
    case 'normalisation':
      return (x, [gain, shift]) => {
        const shape = kernel.input.shape
        const perChannel = (w: JaxArray): JaxArray => w.ref.reshape([1, shape[1]!, 1, 1])
        const rows = x.reshape([1, 32, -1])
        const centred = rows.ref.sub(np.mean(rows, 2, { keepdims: true }))
        const variance = np.mean(np.square(centred.ref), 2, { keepdims: true })
        const normal = centred.div(np.sqrt(variance.add(1e-5))).reshape(shape)
        return nn.silu(normal.mul(perChannel(gain!)).add(perChannel(shift!)))
      }
  }
}

/** A kernel's chain, each link under jit. */
export const jaxPeer = async (
  jax: Jax,
  device: 'wasm' | 'webgpu',
  version: string,
  kernel: Kernel,
  store: Store,
  { chained }: Extent,
): Promise<Peer> => {
  const there = await jax.init(device)
  if (!there.includes(device)) throw new Error(`jax-js has no ${device} here`)
  jax.defaultDevice(device)
  const arrays = await Promise.all(
    numbersOf(kernel).map(async ({ name, shape }) => jax.numpy.array(await store.floats(name)).reshape(shape)),
  )
  const written = linkOf(jax, kernel)
  const links = linksOf(kernel, chained)
  // A link at a time: compiled as a whole, a chain computes the links before anew for every element.
  const link = jax.jit((x, ...ws) => written(x, ws))
  const [x, ...weights] = arrays
  return folding(`jax-js ${version}, ${device}`, undefined, [0], async () => {
    let y = x!.ref
    for (let i = 0; i < links; i++) y = link(y, ...weights.map((w) => w.ref))
    return { state: undefined, seen: await y.data() }
  })
}
