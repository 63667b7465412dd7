/** Kernels measured, and what was found kept in the browser. */
import { attention, compile, read, tensor, type Tensor, type Tuned } from 'diffold'

const numbers = (shape: readonly number[], t: number): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 0.7 + t)),
    shape,
  )

const program = (q: Tensor, k: Tensor): Tensor => {
  const centred = q.sub(q.mean(-1))
  return attention(centred.mul(1.5).tanh(), k, k.add(centred.sum(-2, -1)))
}

/** What was told while tuning, and how far the result is from that of the untuned program. */
export const tune = async (): Promise<unknown> => {
  const args = [numbers([2, 2, 40, 16], 0), numbers([2, 2, 24, 16], 1)] as const
  const news: Tuned[] = []
  const plain = await read(compile(program, { backend: 'webgpu', tune: false })(...args))
  const asked = { cache: 'diffold-spec', budget: 60_000, progress: (n: Tuned) => void news.push(n) }
  const tuned = await read(compile(program, { backend: 'webgpu', tune: asked })(...args))
  return { news, apart: plain.reduce((most, v, i) => Math.max(most, Math.abs(v - tuned[i]!)), 0) }
}
