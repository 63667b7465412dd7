/** The gated feed-forward layers of a transformer block. */
import { pipe } from 'fp-ts/lib/function.js'
import { linearOf, record, type ParamsOf } from '../../params/codec.ts'
import { chunk, gelu, linear } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** Parameters: `net.0.proj` [8 features, features] gives values and gates, `net.2` [features, 4 features] leads back. */
export const feedForwardOf = (features: number) =>
  record({
    net: record({ 0: record({ proj: linearOf(features, 8 * features) }), 2: linearOf(4 * features, features) }),
  })

/** W₂ (v ∘ gelu(g)), (v, g) = W₀ x, over the last axis. Shazeer 2020 (GEGLU). */
export const feedForward =
  ({ net }: ParamsOf<typeof feedForwardOf>) =>
  (x: Tensor): Tensor => {
    const [values, gates] = chunk(linear(net[0].proj)(x), 2, -1) as [Tensor, Tensor]
    return pipe(values.mul(gelu(gates)), linear(net[2]))
  }
